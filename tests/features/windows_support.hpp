#pragma once

#include "features/windows/bucket_windows.hpp"
#include "features/windows/row_windows.hpp"
#include "features/windows/session_windows.hpp"
#include "one_key.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

/// What the tests of views over windows share.
namespace keyfold::windows_test {

using namespace std::chrono_literals;

inline constexpr event_time start{1'640'995'200s}; // 2022-01-01T00:00:00Z

/// A row of the stream that the views of the tests fold.
struct event {
  event_time at;
  std::optional<double> amount = 1.0;
  std::string name = "a";
};

inline data_type type(type_kind kind) {
  data_type out;
  out.kind = kind;
  return out;
}

inline scope event_scope() {
  return {{"amount", type(type_kind::float64)}, {"name", type(type_kind::string)}};
}

inline expression expression_of(std::string_view text) {
  auto compiled = compile_expression(text, event_scope());
  REQUIRE(compiled);
  return *compiled;
}

inline aggregate_definition aggregate(std::string name, aggregate_kind kind,
                                      const std::string& value = "amount",
                                      const std::string& where = "") {
  aggregate_definition out;
  out.name = std::move(name);
  out.spec.kind = kind;
  out.spec.k = 3;
  out.spec.bounds = {0, 10};
  if (!value.empty())
    out.value = expression_of(value);
  out.value_text = value;
  if (!where.empty())
    out.where = expression_of(where);
  out.where_text = where;
  return out;
}

template <class Settings>
std::shared_ptr<const view> make(Settings from) {
  from.name = "view";
  from.stream = "events";
  result<std::shared_ptr<const view>> made = fail("");
  if constexpr (std::is_same_v<Settings, bucket_windows_settings>)
    made = make_bucket_windows(std::move(from));
  else if constexpr (std::is_same_v<Settings, row_windows_settings>)
    made = make_row_windows(std::move(from));
  else
    made = make_session_windows(std::move(from));
  INFO((made ? "" : made.error().message));
  REQUIRE(made);
  return *made;
}

inline event_batch batch_of(const std::vector<event>& events) {
  auto schema = std::make_shared<stream_schema>();
  schema->name = "events";
  for (const auto& x : event_scope()) {
    auto& field = schema->fields.emplace_back();
    field.name = x.name;
    field.type = x.type;
  }
  arena text;
  std::vector<cell> cells;
  std::vector<event_time> times;
  for (const auto& x : events) {
    cells.push_back(x.amount ? cell::real(*x.amount) : cell{});
    cells.push_back(cell::string(text.copy(x.name)));
    times.push_back(x.at);
  }
  return {schema, std::move(cells), std::move(times), std::move(text)};
}

/// Cells as text; a time as the microseconds after `start`.
inline std::string shown(const cell& x) {
  switch (x.kind()) {
  case cell_kind::null:
    return "null";
  case cell_kind::boolean:
    return x.as_boolean() ? "true" : "false";
  case cell_kind::integer:
    return std::to_string(x.as_integer());
  case cell_kind::real: {
    char text[40];
    std::snprintf(text, sizeof text, "%.17g", x.as_real());
    return text;
  }
  case cell_kind::timestamp:
    return "+" + std::to_string((x.as_timestamp() - start).count());
  case cell_kind::string:
  case cell_kind::bytes:
    return std::string{x.as_text()};
  case cell_kind::decimal:
    return std::to_string(x.unscaled()) + "e-" + std::to_string(x.scale());
  case cell_kind::list:
  case cell_kind::map:
    break;
  }
  std::string out;
  for (const auto& item : x.items())
    out += (out.empty() ? "" : ",") + shown(item);
  return "[" + out + "]";
}

inline std::string shown(std::span<const cell> cells) {
  std::string out;
  for (const auto& x : cells)
    out += (out.empty() ? "" : " ") + shown(x);
  return out;
}

class line_sink final : public change_sink, public emission_sink {
public:
  void upsert(std::span<const cell>, std::span<const cell> values, event_time at) override {
    lines.push_back(shown(values));
    times.push_back(at);
  }
  void erase(std::span<const cell>, event_time) override { lines.emplace_back("erased"); }
  void emit(std::span<const cell> row, event_time at) override {
    lines.push_back(shown(row));
    times.push_back(at);
  }

  std::vector<std::string> lines;
  std::vector<event_time> times;
};

/// One key of a view, with what surrounds it.
class key final : public view_test::one_key {
public:
  explicit key(std::shared_ptr<const view> of) : one_key(std::move(of)) {
    changes = &published;
    emissions = &emitted;
  }
  key(const key&) = delete;
  key& operator=(const key&) = delete;

  void fold(const std::vector<event>& events) { fold_batch(0, batch_of(events)); }
  void advance(event_time to) {
    watermark = std::max(watermark, to);
    if (wake_at <= watermark && wake_at != end_of_time)
      advance_once();
  }
  std::string read(std::string_view name, event_time as_of = end_of_time) const {
    arena memory;
    auto out = one_key::read(name, as_of, memory);
    if (out.status == feature_status::not_found)
      return "not found";
    return out.status == feature_status::outside_max_age ? "outside" : shown(out.value);
  }
  std::vector<std::string> collect() {
    line_sink sink;
    one_key::collect(sink);
    return sink.lines;
  }

  line_sink published;
  line_sink emitted;
};

/// How many random streams a property is tried on; all of them with KEYFOLD_LONG_TESTS set.
inline int streams_to_try(int in_short, int in_all = 10'000) {
  return std::getenv("KEYFOLD_LONG_TESTS") != nullptr ? in_all : in_short;
}

/// Events with distinct times, in the order of their times; amounts that sum exactly or not, a few
/// of them null.
inline std::vector<event> random_events(std::mt19937& random, int count, duration within) {
  std::map<event_time, event> out;
  while (static_cast<int>(out.size()) < count) {
    auto at =
        start + duration{static_cast<int64_t>(random() % static_cast<uint64_t>(within.count()))};
    event x{at, static_cast<double>(random() % 64) / 10 - 2, std::string(1, "abc"[random() % 3])};
    if (random() % 10 == 0)
      x.amount.reset();
    out.emplace(at, x);
  }
  std::vector<event> in_order;
  for (auto& [at, x] : out)
    in_order.push_back(x);
  return in_order;
}

/// Shuffles events that arrive at most `delay` out of order.
inline std::vector<event> delayed(std::vector<event> events, duration delay, std::mt19937& random) {
  std::vector<std::pair<event_time, event>> arrivals;
  for (auto& x : events)
    arrivals.emplace_back(
        x.at + duration{static_cast<int64_t>(random() % static_cast<uint64_t>(delay.count()))}, x);
  std::sort(arrivals.begin(), arrivals.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  events.clear();
  for (auto& [at, x] : arrivals)
    events.push_back(x);
  return events;
}

/// Puts events into a key in their order, in batches of any size, the watermark after them. The
/// state goes through its bytes now and then.
inline void run(key& to, const std::vector<event>& events, duration delay, std::mt19937& random) {
  auto newest = beginning_of_time;
  for (size_t i = 0; i < events.size();) {
    auto size = std::min<size_t>(1 + random() % 4, events.size() - i);
    std::vector<event> batch{events.begin() + static_cast<ptrdiff_t>(i),
                             events.begin() + static_cast<ptrdiff_t>(i + size)};
    to.fold(batch);
    for (const auto& x : batch)
      newest = std::max(newest, x.at);
    i += size;
    if (random() % 3 == 0)
      to.advance(newest - delay - 1us);
    if (random() % 8 == 0)
      REQUIRE(to.decode(to.encode()));
  }
  to.advance(end_of_time);
}

} // namespace keyfold::windows_test
