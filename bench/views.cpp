#include "features/as_of.hpp"
#include "features/attribution.hpp"
#include "features/latest.hpp"
#include "features/pattern.hpp"
#include "features/top_k.hpp"
#include "features/windows/bucket_windows.hpp"
#include "features/windows/row_windows.hpp"
#include "features/windows/session_windows.hpp"

#include <fmt/format.h>
#include <mimalloc.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <new>
#include <random>
#include <string>
#include <vector>

namespace {

size_t allocations = 0;

void* counted(size_t size) {
  ++allocations;
  return mi_new(size);
}

} // namespace

void* operator new(size_t size) {
  return counted(size);
}
void* operator new[](size_t size) {
  return counted(size);
}
void operator delete(void* x) noexcept {
  mi_free(x);
}
void operator delete[](void* x) noexcept {
  mi_free(x);
}
void operator delete(void* x, size_t) noexcept {
  mi_free(x);
}
void operator delete[](void* x, size_t) noexcept {
  mi_free(x);
}

namespace keyfold {

namespace {

using namespace std::chrono_literals;
using random_source = std::mt19937;
/// Appends the cells of a row of input `input`.
using row_maker = std::function<void(uint32_t input, random_source&, std::vector<cell>&)>;

constexpr size_t batch_rows = 4096;
constexpr duration between_rows{100};

struct column_of {
  const char* name;
  type_kind kind;
};

data_type type(type_kind kind) {
  data_type out;
  out.kind = kind;
  return out;
}

std::shared_ptr<const stream_schema> schema(std::initializer_list<column_of> columns) {
  auto out = std::make_shared<stream_schema>();
  for (const auto& x : columns) {
    auto& field = out->fields.emplace_back();
    field.name = x.name;
    field.type = type(x.kind);
  }
  return out;
}

/// A view, the streams it folds, and what comes in.
struct scenario {
  std::string name;
  result<std::shared_ptr<const view>> made;
  std::vector<std::shared_ptr<const stream_schema>> inputs;
  row_maker row;
};

/// Rows of one input, grouped by key as a router does.
struct message {
  uint32_t key;
  std::vector<uint32_t> rows;
};
struct prepared_batch {
  uint32_t input;
  event_batch rows;
  std::vector<message> messages;
};

std::vector<prepared_batch> prepare(const scenario& x, size_t keys, size_t events) {
  random_source random{1};
  std::vector<prepared_batch> out;
  event_time at{1'700'000'000s};
  for (size_t done = 0; done < events; done += batch_rows) {
    auto input = static_cast<uint32_t>(out.size() % x.inputs.size());
    std::vector<cell> cells;
    std::vector<event_time> times;
    std::vector<std::pair<uint32_t, uint32_t>> keyed;
    for (uint32_t row = 0; row < batch_rows; ++row) {
      x.row(input, random, cells);
      times.push_back(at += between_rows);
      keyed.emplace_back(static_cast<uint32_t>(random() % keys), row);
    }
    std::sort(keyed.begin(), keyed.end());
    std::vector<message> messages;
    for (auto [key, row] : keyed) {
      if (messages.empty() || messages.back().key != key)
        messages.push_back({key, {}});
      messages.back().rows.push_back(row);
    }
    out.push_back({input,
                   {x.inputs[input], std::move(cells), std::move(times), arena{}},
                   std::move(messages)});
  }
  return out;
}

class counting_sink final : public change_sink, public emission_sink {
public:
  void upsert(std::span<const cell>, std::span<const cell>, event_time) override { ++rows; }
  void erase(std::span<const cell>, event_time) override { ++rows; }
  void emit(std::span<const cell>, event_time) override { ++rows; }
  size_t rows = 0;
};

/// The states of all keys, driven as a router drives them.
class driver {
public:
  driver(const view& of, size_t keys) : view_(of), wake_at_(keys, end_of_time) {
    for (size_t i = 0; i < keys; ++i)
      states_.push_back(of.make_state());
  }

  void fold(const prepared_batch& x) {
    for (const auto& message : x.messages) {
      auto context = surroundings();
      view_.fold(*states_[message.key], x.input, x.rows, message.rows, context);
      wake_at_[message.key] = std::min(wake_at_[message.key], context.wake_at);
    }
    // A second out of order: what waits is what a real stream lets wait.
    watermark_ = earlier(x.rows.time(x.rows.size() - 1), 1s);
    for (size_t i = 0; i < states_.size(); ++i) {
      if (wake_at_[i] > watermark_)
        continue;
      auto context = surroundings();
      view_.advance(*states_[i], context);
      wake_at_[i] = context.wake_at;
    }
  }
  size_t memory() const {
    size_t sum = 0;
    for (const auto& x : states_)
      sum += view_.memory(*x);
    return sum;
  }

  fold_counts counts;
  counting_sink sink;

private:
  fold_context surroundings() {
    scratch_.clear();
    fold_context out;
    out.watermark = watermark_;
    out.changes = &sink;
    out.emissions = &sink;
    out.counts = &counts;
    out.scratch = &scratch_;
    return out;
  }

  const view& view_;
  std::vector<std::unique_ptr<view_state>> states_;
  std::vector<event_time> wake_at_;
  event_time watermark_ = beginning_of_time;
  arena scratch_;
};

/// Runs one; prints a line for people, returns one for programs.
std::string measure(const scenario& x, size_t keys, size_t events) {
  auto batches = prepare(x, keys, events);
  driver all{**x.made, keys};
  allocations = 0;
  auto begun = std::chrono::steady_clock::now();
  for (const auto& batch : batches)
    all.fold(batch);
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  auto rows = static_cast<double>(batches.size() * batch_rows);
  auto rate = rows / took.count();
  auto per_event = static_cast<double>(allocations) / rows;
  auto bytes = all.memory() / keys;
  fmt::print("{:<24} {:>8} keys {:>6.2f} M events/s {:>6.2f} allocations/event {:>7} bytes/key "
             "{:>9} rows out {:>9} at bounds\n",
             x.name, keys, rate / 1e6, per_event, bytes, all.sink.rows, all.counts.bound_reached);
  return fmt::format(
      R"("{}@{}":{{"events_per_s":{:.0f},"allocations_per_event":{:.3f},"bytes_per_key":{}}})",
      x.name, keys, rate, per_event, bytes);
}

const std::vector<std::string>& words() {
  static const auto out = [] {
    std::vector<std::string> made;
    for (int i = 0; i < 100'000; ++i)
      made.push_back("word " + std::to_string(i));
    return made;
  }();
  return out;
}

cell word(random_source& random, size_t among) {
  return cell::string(words()[random() % among]);
}

scenario top_k_of(std::string name, size_t candidates) {
  top_k_settings x;
  x.name = name;
  x.stream = "events";
  x.feature = "top";
  x.candidate = {{"query", type(type_kind::string)}};
  x.candidate_columns = {0};
  x.rules.k = 5;
  return {std::move(name),
          make_top_k(x),
          {schema({{"query", type_kind::string}})},
          [candidates](uint32_t, random_source& random, std::vector<cell>& to) {
            to.push_back(word(random, candidates));
          }};
}

scenario latest_row() {
  latest_settings x;
  x.name = "latest";
  x.stream = "events";
  x.columns = {{"city", type(type_kind::string)}};
  x.column_places = {0};
  return {"latest",
          make_latest(x),
          {schema({{"city", type_kind::string}})},
          [](uint32_t, random_source& random, std::vector<cell>& to) {
            to.push_back(word(random, 1000));
          }};
}

scenario attribution_by(std::string name, attribution_settings::model credit) {
  attribution_settings x;
  x.name = name;
  x.touches = {"clicks", {1}, {0}, {{"click", type(type_kind::string)}}, {}, {}};
  x.conversions = {"checkouts", {1}, {0}, {{"checkout", type(type_kind::string)}}, {}, {}};
  x.match = {{"product", type(type_kind::string)}};
  x.window = 10s;
  x.credit = credit;
  auto columns = schema({{"id", type_kind::string}, {"product", type_kind::string}});
  return {std::move(name),
          make_attribution(x),
          {columns, columns},
          [](uint32_t, random_source& random, std::vector<cell>& to) {
            to.push_back(word(random, words().size()));
            to.push_back(word(random, 100));
          }};
}

scenario point_in_time_join() {
  as_of_settings x;
  x.name = "as_of";
  x.values = {"prices", {0}, {{"price", type(type_kind::float64)}}, {}, {}};
  x.rows = as_of_settings::role{"purchases", {0}, {{"count", type(type_kind::float64)}}, {}, {}};
  auto columns = schema({{"x", type_kind::float64}});
  return {"as_of",
          make_as_of(x),
          {columns, columns},
          [](uint32_t, random_source& random, std::vector<cell>& to) {
            to.push_back(cell::real(static_cast<double>(random() % 1000)));
          }};
}

/// Search, view, cart and buy of one item in a row, within ten minutes.
scenario conversions(std::string name, pattern_element::contiguity between) {
  auto columns = schema(
      {{"action", type_kind::string}, {"item", type_kind::int64}, {"query", type_kind::string}});
  auto parsed = parse_pattern("A B C D", between);
  pattern_settings x;
  x.name = name;
  x.stream = "actions";
  for (const auto& field : columns->fields)
    x.columns.push_back({field.name, field.type, true});
  x.pattern = parsed->pattern;
  x.variables = {{"A", 0}, {"B", 1}, {"C", 2}, {"D", 3}};
  x.conditions = {"action = 'search'", "action = 'view'", "action = 'cart' AND item = B.item",
                  "action = 'buy' AND item = B.item"};
  x.measures = {{"query", "A.query"}, {"item", "D.item"}};
  x.within = 10min;
  x.after = pattern_settings::skip::to_next;
  auto made = make_pattern(x);
  auto problem = made ? std::string{} : made.error().message;
  return {std::move(name),
          made ? result<std::shared_ptr<const view>>{made->view} : fail(problem),
          {columns},
          [](uint32_t, random_source& random, std::vector<cell>& to) {
            static const std::vector<std::string> actions = {"search", "view", "cart", "buy"};
            to.push_back(cell::string(actions[random() % actions.size()]));
            to.push_back(cell::integer(static_cast<int64_t>(random() % 3)));
            to.push_back(word(random, 15));
          }};
}

std::shared_ptr<const stream_schema> purchases() {
  return schema({{"amount", type_kind::float64}});
}

void purchase(uint32_t, random_source& random, std::vector<cell>& to) {
  to.push_back(cell::real(static_cast<double>(random() % 10'000) / 100));
}

/// An aggregate of the amounts of purchases.
aggregate_definition aggregate_of(std::string name, aggregate_kind kind) {
  aggregate_definition out;
  out.name = std::move(name);
  out.spec.kind = kind;
  out.value = *compile_expression("amount", {{"amount", type(type_kind::float64)}});
  out.value_text = "amount";
  return out;
}

/// Sums of the last steps, and with `largest` the largest amount too.
scenario sliding(std::string name, duration step, int steps, bool largest) {
  bucket_windows_settings x;
  x.name = name;
  x.stream = "purchases";
  x.step = step;
  x.outputs.push_back({aggregate_of("total", aggregate_kind::sum), step * steps});
  if (largest)
    x.outputs.push_back({aggregate_of("largest", aggregate_kind::max), step * steps});
  return {std::move(name), make_bucket_windows(x), {purchases()}, purchase};
}

scenario rows_before(std::string name, std::optional<duration> size) {
  row_windows_settings x;
  x.name = name;
  x.stream = "purchases";
  x.peers = size.has_value();
  x.outputs.push_back({aggregate_of("total", aggregate_kind::sum), size, std::nullopt});
  return {std::move(name), make_row_windows(x), {purchases()}, purchase};
}

scenario sessions() {
  session_windows_settings x;
  x.name = "session_window";
  x.stream = "purchases";
  x.gap = 5s;
  x.outputs.push_back(aggregate_of("total", aggregate_kind::sum));
  return {"session_window", make_session_windows(x), {purchases()}, purchase};
}

int run(size_t events) {
  using model = attribution_settings::model;
  const std::vector<scenario> all{
      top_k_of("top_k", 15),
      top_k_of("top_k_beyond_bound", words().size()),
      latest_row(),
      attribution_by("attribution_first_click", model::first_click),
      attribution_by("attribution_last_click", model::last_click),
      attribution_by("attribution_linear", model::linear),
      point_in_time_join(),
      conversions("pattern", pattern_element::contiguity::strict),
      conversions("pattern_relaxed", pattern_element::contiguity::relaxed),
      sliding("sliding_window", 1min, 2, false),
      sliding("sliding_window_many", 1s, 300, true),
      rows_before("over_window", 10s),
      rows_before("aggregate", std::nullopt),
      sessions(),
  };
  std::string json;
  for (const auto& x : all) {
    if (!x.made) {
      fmt::print(stderr, "{}\n", x.made.error().message);
      return 1;
    }
    for (size_t keys : {1000, 100'000}) {
      if (!json.empty())
        json += ',';
      json += measure(x, keys, events);
    }
  }
  fmt::print("{{{}}}\n", json);
  return 0;
}

} // namespace

} // namespace keyfold

int main(int count, char** arguments) {
  return keyfold::run(count > 1 ? static_cast<size_t>(std::atoll(arguments[1])) : 4'000'000);
}
