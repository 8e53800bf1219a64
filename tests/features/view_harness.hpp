#pragma once

#include "features/entity_key.hpp"
#include "features/view.hpp"
#include "one_key.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <vector>

/// What the tests of views share: streams of rows, one key of a view with all that surrounds it,
/// and a way to let the same rows arrive in any order.
namespace keyfold::view_test {

using namespace std::chrono_literals;

inline constexpr event_time start{1'700'000'000s};

inline data_type type(type_kind kind) {
  data_type out;
  out.kind = kind;
  return out;
}

/// A row of an input of the view.
struct arrival {
  uint32_t input = 0;
  event_time at;
  std::vector<cell> cells; ///< texts are literals, or live in a pool of the test
};

inline std::shared_ptr<const stream_schema> schema_of(const scope& columns) {
  auto schema = std::make_shared<stream_schema>();
  schema->name = "events";
  for (const auto& x : columns) {
    auto& field = schema->fields.emplace_back();
    field.name = x.name;
    field.type = x.type;
  }
  return schema;
}

inline expression compiled(std::string_view text, const scope& columns) {
  auto made = compile_expression(text, columns);
  INFO(text);
  REQUIRE(made);
  return *made;
}

template <class Settings, class Make>
std::shared_ptr<const view> made(const Settings& settings, Make make) {
  auto out = make(settings);
  INFO((out ? "" : out.error().message));
  REQUIRE(out);
  return *out;
}

inline std::string show(const cell& x) {
  std::string out;
  if (x.is_null())
    return "-";
  if (x.kind() == cell_kind::list) {
    for (const auto& item : x.items())
      out += (out.empty() ? "" : " ") + show(item);
    return "[" + out + "]";
  }
  append_entity_key({&x, 1}, out);
  return out;
}

inline std::string show(std::span<const cell> cells) {
  std::string out;
  for (const auto& x : cells)
    out += (out.empty() ? "" : ",") + show(x);
  return out;
}

inline std::string show(event_time at) {
  return std::to_string((at - start).count());
}

/// What a view published and emitted, as text.
class published final : public change_sink, public emission_sink {
public:
  void upsert(std::span<const cell> group, std::span<const cell> values, event_time at) override {
    table[show(group)] = show(values);
    log.push_back("+" + show(group) + "|" + show(values) + "@" + show(at));
  }
  void erase(std::span<const cell> group, event_time at) override {
    CHECK(table.erase(show(group)) == 1); // nobody is told of the end of what he never saw
    log.push_back("-" + show(group) + "@" + show(at));
  }
  void emit(std::span<const cell> row, event_time at) override {
    emitted.push_back(show(row) + "@" + show(at));
  }
  std::map<std::string, std::string> table;
  std::vector<std::string> log;
  std::vector<std::string> emitted;
};

/// Takes everything and believes it, as for states made of garbled bytes.
class anybody final : public change_sink, public emission_sink {
public:
  void upsert(std::span<const cell> group, std::span<const cell> values, event_time) override {
    seen += show(group).size() + show(values).size();
  }
  void erase(std::span<const cell> group, event_time) override { seen += show(group).size(); }
  void emit(std::span<const cell> row, event_time) override { seen += show(row).size(); }
  size_t seen = 0;
};

class all_features final : public feature_sink {
public:
  void on_feature(std::string_view name, const feature_value& value) override {
    CHECK(all.emplace(name, show(value.value)).second);
  }
  std::map<std::string, std::string, std::less<>> all;
};

/// One key of a view.
class key final : public one_key {
public:
  key(std::shared_ptr<const view> of, std::vector<scope> inputs) : one_key(std::move(of)) {
    for (const auto& x : inputs)
      schemas_.push_back(schema_of(x));
  }

  void fold(const std::vector<arrival>& rows) {
    for (size_t begin = 0; begin < rows.size();) {
      auto end = begin;
      std::vector<cell> cells;
      std::vector<event_time> times;
      for (; end < rows.size() && rows[end].input == rows[begin].input; ++end) {
        cells.insert(cells.end(), rows[end].cells.begin(), rows[end].cells.end());
        times.push_back(rows[end].at);
      }
      fold_batch(rows[begin].input,
                 {schemas_[rows[begin].input], std::move(cells), std::move(times), arena{}});
      begin = end;
    }
  }
  void advance(event_time to) {
    watermark = std::max(watermark, to);
    advance_while_due();
    if (watermark == end_of_time)
      advance_once();
  }
  std::map<std::string, std::string, std::less<>> read_all(event_time as_of) const {
    arena memory;
    all_features out;
    of().read_all(state(), as_of, memory, out);
    return out.all;
  }
  std::string text(std::string_view name, event_time as_of = start) const {
    arena memory;
    return show(read(name, as_of, memory).value);
  }
  feature_status status(std::string_view name, event_time as_of = start) const {
    arena memory;
    return read(name, as_of, memory).status;
  }

private:
  std::vector<std::shared_ptr<const stream_schema>> schemas_;
};

/// How many random streams a differential test takes: few in every run, 10,000 and more on demand.
inline size_t stream_count(size_t otherwise) {
  const auto* asked = std::getenv("KEYFOLD_STREAMS");
  return asked == nullptr ? otherwise : static_cast<size_t>(std::atoll(asked));
}

/// The seed of a test: given, to see a failure again, or another each time.
inline uint32_t seed_of_run() {
  const auto* asked = std::getenv("KEYFOLD_SEED");
  return asked == nullptr ? std::random_device{}() : static_cast<uint32_t>(std::atoll(asked));
}

/// The rows as they may arrive: none is overtaken by one that is more than `max_delay` newer.
inline std::vector<arrival> delayed(std::vector<arrival> rows, duration max_delay,
                                    std::mt19937& random) {
  std::vector<std::pair<event_time, arrival>> order;
  for (auto& x : rows)
    order.emplace_back(x.at + duration{static_cast<int64_t>(random()) % (max_delay.count() + 1)},
                       std::move(x));
  std::shuffle(order.begin(), order.end(), random);
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  rows.clear();
  for (auto& x : order)
    rows.push_back(std::move(x.second));
  return rows;
}

/// Lets the rows arrive in batches of random size, in an order that `max_delay` allows, with the
/// watermark following; forgets and restores the state now and then; then ends the streams.
/// @param before is told each watermark before the key is
template <class Before>
void run(key& x, const std::vector<arrival>& rows, duration max_delay, std::mt19937& random,
         const Before& before) {
  auto arriving = delayed(rows, max_delay, random);
  // Which input is how far: one that never says anything has ended from the first.
  std::map<uint32_t, size_t> left;
  std::map<uint32_t, event_time> newest;
  for (const auto& row : arriving) {
    ++left[row.input];
    newest[row.input] = beginning_of_time;
  }
  for (size_t i = 0; i < arriving.size();) {
    auto end = std::min(arriving.size(), i + 1 + random() % 4);
    x.fold({arriving.begin() + static_cast<ptrdiff_t>(i),
            arriving.begin() + static_cast<ptrdiff_t>(end)});
    for (; i < end; ++i) {
      auto& at = newest[arriving[i].input];
      at = --left[arriving[i].input] == 0 ? end_of_time : std::max(at, arriving[i].at);
    }
    auto watermark = end_of_time;
    for (const auto& [input, at] : newest)
      watermark = std::min(watermark, earlier(at, max_delay + 1us));
    if (watermark != end_of_time && random() % 3 != 0) {
      before(watermark);
      x.advance(watermark);
    }
    if (random() % 8 == 0)
      REQUIRE(x.decode(x.encode()));
  }
  before(end_of_time);
  x.advance(end_of_time);
  CHECK(x.counts.late == 0);
}
inline void run(key& x, const std::vector<arrival>& rows, duration max_delay,
                std::mt19937& random) {
  run(x, rows, max_delay, random, [](event_time) {});
}

/// Bytes cut short must be refused; garbled ones refused, or make a state on which all goes on.
template <class Exercise>
void check_bytes(key& x, std::mt19937& random, const Exercise& exercise) {
  auto bytes = x.encode();
  REQUIRE(x.decode(bytes));
  CHECK(x.rest == 0);
  CHECK(x.encode() == bytes);
  for (size_t size = 0; size < bytes.size(); ++size) {
    INFO("size " << size);
    CHECK_FALSE(x.decode(std::string_view{bytes}.substr(0, size)));
  }
  for (int i = 0; i < 1000; ++i) {
    auto garbled = bytes;
    for (int j = 0; j < 1 + i % 4; ++j)
      garbled[random() % garbled.size()] = static_cast<char>(random());
    if (x.decode(garbled))
      exercise();
  }
}

} // namespace keyfold::view_test
