#include "views/driver.hpp"

#include "features/prefetch.hpp"

#include <algorithm>
#include <chrono>

namespace keyfold::bench {

using namespace std::chrono_literals;

namespace {

constexpr size_t batch_rows = 4096;
constexpr size_t chunk_rows = 256; // as the router's
constexpr duration between_rows{100};
constexpr event_time first_time{1'700'000'000s};
constexpr duration slice = 100ms;
constexpr size_t slices = 100'000; // later timers never come

} // namespace

batch_source::batch_source(const scenario& of, size_t keys)
    : of_(of), keys_(keys), at_(first_time) {}

prepared_batch batch_source::next() {
  auto input = static_cast<uint32_t>(made_++ % of_.inputs.size());
  std::vector<cell> cells;
  std::vector<event_time> times;
  std::vector<std::pair<uint32_t, uint32_t>> keyed;
  for (uint32_t row = 0; row < batch_rows; ++row) {
    of_.row(input, random_, cells);
    times.push_back(at_ += between_rows);
    keyed.emplace_back(static_cast<uint32_t>(random_() % keys_), row);
  }
  arena text;
  for (auto& x : cells)
    x = text.copy(x);
  std::vector<uint32_t> rows;
  std::vector<std::vector<prepared_batch::message>> chunks;
  for (auto begin = keyed.begin(); begin != keyed.end(); begin += chunk_rows) {
    std::sort(begin, begin + chunk_rows);
    auto& messages = chunks.emplace_back();
    for (auto i = begin; i != begin + chunk_rows; ++i) {
      if (messages.empty() || messages.back().key != i->first)
        messages.push_back({i->first, static_cast<uint32_t>(rows.size()), 0});
      ++messages.back().count;
      rows.push_back(i->second);
    }
  }
  return {input,
          {of_.inputs[input], std::move(cells), std::move(times), std::move(text)},
          std::move(rows),
          std::move(chunks)};
}

driver::driver(const view& of, size_t keys) : view_(of), keys_(keys), due_(slices) {
  for (auto& x : keys_)
    x.state = of.make_state();
}

fold_context driver::surroundings() {
  scratch_.clear();
  fold_context out;
  out.watermark = watermark_;
  out.changes = &sink;
  out.emissions = &sink;
  out.counts = &counts;
  out.scratch = &scratch_;
  return out;
}

void driver::set_timer(uint32_t key, event_time at) {
  if (at >= keys_[key].wake_at)
    return;
  keys_[key].wake_at = at;
  auto number = static_cast<size_t>(std::max<int64_t>(0, (at - first_time) / slice));
  if (at - first_time < slice * slices)
    due_[std::max(number, past_)].push_back(key);
}

/// Calls for each key, having asked for what the calls will touch. @param keys calls back with them
template <class Keys, class Call>
void driver::for_chunk(const Keys& keys, const Call& call) {
  keys([&](uint32_t key) {
    const auto* state = reinterpret_cast<const char*>(keys_[key].state.get());
    prefetch_line(state);
    prefetch_line(state + cache_line_bytes);
  });
  keys([&](uint32_t key) { view_.prefetch(*keys_[key].state); });
  keys(call);
}

void driver::fold(const prepared_batch& x) {
  for (const auto& chunk : x.chunks) {
    const auto* message = chunk.data();
    for_chunk(
        [&](const auto& f) {
          for (const auto& i : chunk) {
            message = &i;
            f(i.key);
          }
        },
        [&](uint32_t key) {
          auto context = surroundings();
          counting_allocations = true;
          view_.fold(*keys_[key].state, x.input, x.events,
                     std::span{x.rows}.subspan(message->first, message->count), context);
          counting_allocations = false;
          set_timer(key, context.wake_at);
        });
  }
  // A second out of order: what waits is what a real stream lets wait.
  watermark_ = earlier(x.events.time(x.events.size() - 1), 1s);
  advance_due();
}

void driver::advance_due() {
  for (; first_time + slice * (past_ + 1) <= watermark_ && past_ < slices; ++past_) {
    auto keys = std::move(due_[past_]);
    keys.erase(std::remove_if(keys.begin(), keys.end(),
                              [&](auto key) { return keys_[key].wake_at > watermark_; }),
               keys.end());
    for (size_t begin = 0; begin < keys.size(); begin += chunk_rows) {
      auto chunk = std::span{keys}.subspan(begin, std::min(chunk_rows, keys.size() - begin));
      for_chunk([&](const auto& f) { std::for_each(chunk.begin(), chunk.end(), f); },
                [&](uint32_t key) {
                  if (keys_[key].wake_at > watermark_)
                    return; // it was in the list twice
                  auto context = surroundings();
                  counting_allocations = true;
                  view_.advance(*keys_[key].state, context);
                  counting_allocations = false;
                  keys_[key].wake_at = end_of_time;
                  set_timer(key, context.wake_at);
                });
    }
  }
}

size_t driver::memory() const {
  size_t sum = 0;
  for (const auto& x : keys_)
    sum += view_.memory(*x.state);
  return sum;
}

} // namespace keyfold::bench
