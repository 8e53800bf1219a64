#include "connectors/s2/stream_writer.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

// How an output takes its stream over, and reads back what it wrote.
namespace keyfold::s2 {
namespace {

constexpr size_t records_per_read = 1000;
/// The marker is on the last record but for the fences behind it.
constexpr int64_t first_look = 16;

} // namespace

result<uint64_t> stream_writer::open() {
  fatal_ = false;
  open_ = false;
  if (settings_.create_stream && !there_)
    if (auto made = create(); !made)
      return fail_open(made.error().message);
  if (auto fenced = fence(); !fenced)
    return fail_open(fenced.error().message);
  auto found = find_marker(next_);
  if (!found)
    return fail_open(found.error().message);
  found_ = *found;
  open_ = true;
  problems_.clear_all("");
  if (!found_)
    return 0;
  return found_->last ? found_->epoch : found_->epoch - 1;
}

result<void> stream_writer::create() {
  auto answer = exchange(requests_.create(settings_.stream));
  if (!answer)
    return fail(fmt::format("the stream \"{}\" cannot be made: {}", settings_.stream,
                            answer.error().message));
  if (answer->status != status::good && answer->status != status::made)
    return fail(fmt::format("the stream \"{}\" cannot be made: {}", settings_.stream,
                            refusal(answer->status, answer->body)));
  there_ = true;
  if (answer->status == status::made)
    spdlog::info("{}: stream \"{}\" created", owner(), settings_.stream);
  return {};
}

/// From its answer on no append with another token is taken, also of those under way.
result<void> stream_writer::fence() {
  auto body = fence_body(token_, settings_.event_time);
  auto answer = exchange(requests_.append(settings_.stream, std::move(body)));
  if (!answer)
    return fail(fmt::format("the stream \"{}\" cannot be taken over: {}", settings_.stream,
                            answer.error().message));
  if (answer->status != status::good) {
    there_ = there_ && answer->status != status::not_found;
    return fail(fmt::format("the stream \"{}\" cannot be taken over: {}", settings_.stream,
                            refusal(answer->status, answer->body)));
  }
  auto end = parse_position(answer->body, "end");
  if (!end)
    return fail("the answer to an append cannot be read: " + end.error().message);
  next_ = *end;
  return {};
}

template <class Visit>
result<void> stream_writer::read_between(int64_t first, int64_t end, const Visit& visit) {
  read_batch batch;
  while (first < end) {
    auto count = std::min<size_t>(static_cast<size_t>(end - first), records_per_read);
    auto answer = exchange(requests_.read(settings_.stream, first, count));
    if (!answer)
      return fail("it cannot be read back: " + answer.error().message);
    if (answer->status == status::beyond_tail)
      return {};
    if (answer->status != status::good)
      return fail("it cannot be read back: " + refusal(answer->status, answer->body));
    if (auto read = parse_read_batch(answer->body, batch); !read)
      return fail("what was read back makes no sense: " + read.error().message);
    if (batch.records.empty())
      return {};
    for (const auto& x : batch.records)
      if (x.number < end)
        visit(batch, x);
    first = batch.records.back().number + 1;
  }
  return {};
}

result<stream_writer::marker_search> stream_writer::newest_marker(int64_t first, int64_t end) {
  marker_search out;
  auto read = read_between(first, end, [&](const read_batch& batch, const auto& x) {
    out.whole = out.whole || x.number == first;
    if (auto text = batch.find(x, marker_header))
      if (auto marker = parse_marker(*text, settings_.transactional_id)) {
        out.marker = *marker;
        out.number = x.number;
      }
  });
  if (!read)
    return tl::unexpected{read.error()};
  return out;
}

result<std::optional<batch_marker>> stream_writer::find_marker(int64_t end) {
  for (auto width = first_look; end > 0; width = int64_t{records_per_read}) {
    auto first = std::max<int64_t>(end - width, 0);
    auto found = newest_marker(first, end);
    if (!found)
      return tl::unexpected{found.error()};
    // What was trimmed cannot be read, nor anything before it.
    if (found->marker || !found->whole)
      return found->marker;
    end = first;
  }
  return std::nullopt;
}

result<bool> stream_writer::resolve(const append_mismatch& why, const batch_marker& ours) {
  if (why.token) {
    fatal_ = true;
    return fail(fmt::format("another process has taken over the stream \"{}\": make sure that only "
                            "one writes to it, then start this one again",
                            settings_.stream));
  }
  if (!why.number)
    return fail("the service has refused an append, but does not say why");
  if (*why.number < next_)
    return fail(fmt::format("the stream \"{}\" ends at {}, though the record {} was taken: it was "
                            "made anew, or the service has lost what it held",
                            settings_.stream, *why.number, next_ - 1));
  auto found = newest_marker(next_, *why.number);
  if (!found)
    return tl::unexpected{found.error()};
  if (found->marker == ours) {
    metrics_.found_again.Increment();
    next_ = found->number + 1;
    return true;
  }
  metrics_.foreign.Increment(static_cast<double>(*why.number - next_));
  next_ = *why.number;
  return false;
}

} // namespace keyfold::s2
