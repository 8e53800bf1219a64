#pragma once

#include "features/decayed_counters.hpp"
#include "one_key.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

/// What the tests of decayed counters share.
namespace keyfold::counters_test {

using namespace std::chrono_literals;
using settings = decayed_counters_settings;
using function = decayed_counters_settings::function;

inline constexpr event_time start{1'707'605'600s}; // a multiple of 5 s

/// An event of the stream the views of the tests fold.
struct event {
  event_time at;
  std::optional<std::string> name = "like";
  std::optional<double> amount = 1.0;
  std::optional<std::string> who = "ann";
};

inline data_type type(type_kind kind) {
  data_type out;
  out.kind = kind;
  return out;
}

inline scope event_scope() {
  return {{"name", type(type_kind::string)},
          {"amount", type(type_kind::float64)},
          {"who", type(type_kind::string)}};
}

inline expression expression_of(std::string_view text) {
  auto compiled = compile_expression(text, event_scope());
  REQUIRE(compiled);
  return *compiled;
}

/// Groups by name; counts; time constants of 5, 10 and 15 seconds; nothing optional.
inline settings counts_by_name(std::vector<std::string> groups = {"like", "view"}) {
  settings out;
  out.name = "machine";
  out.inputs.resize(1);
  out.inputs[0].stream = "events";
  out.inputs[0].group_columns = {0};
  out.inputs[0].measures.resize(1);
  out.group = {{"name", type(type_kind::string)}};
  out.groups = std::move(groups);
  out.decays = {{"5s", {5s}}, {"10s", {10s}}, {"15s", {15s}}};
  out.measures = {{"count"}};
  return out;
}

inline void add_measure(settings& to, std::string name, function what, std::string_view text) {
  to.measures.push_back({std::move(name), what});
  to.inputs[0].measures.push_back(expression_of(text));
}

inline std::shared_ptr<const view> make(settings from) {
  auto made = make_decayed_counters(std::move(from));
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
    cells.push_back(x.name ? cell::string(text.copy(*x.name)) : cell{});
    cells.push_back(x.amount ? cell::real(*x.amount) : cell{});
    cells.push_back(x.who ? cell::string(text.copy(*x.who)) : cell{});
    times.push_back(x.at);
  }
  return {schema, std::move(cells), std::move(times), std::move(text)};
}

/// Keeps the rows published, as a table and one by one.
class recorder final : public change_sink {
public:
  struct row {
    std::vector<double> numbers; // of the values after the time
    event_time at;
  };

  void upsert(std::span<const cell> group, std::span<const cell> values, event_time at) override {
    row x{{}, at};
    CHECK(values[0].as_timestamp() == at);
    for (const auto& value : values.subspan(1))
      x.numbers.push_back(value.kind() == cell_kind::integer
                              ? static_cast<double>(value.as_integer())
                              : value.as_real());
    table[name_of(group)] = x;
    upserts.emplace_back(name_of(group), x);
  }
  void erase(std::span<const cell> group, event_time at) override {
    table.erase(name_of(group));
    erased.emplace_back(name_of(group), at);
  }

  std::map<std::string, row> table;
  std::vector<std::pair<std::string, row>> upserts;
  std::vector<std::pair<std::string, event_time>> erased;

private:
  static std::string name_of(std::span<const cell> group) {
    std::string out;
    for (const auto& x : group)
      out.append(out.empty() ? "" : ",").append(x.as_text());
    return out;
  }
};

/// The features of a read by name; texts are not needed, all values are numbers.
class features_read final : public feature_sink {
public:
  void on_feature(std::string_view name, const feature_value& value) override {
    CHECK(all.emplace(name, value).second);
  }
  std::map<std::string, feature_value, std::less<>> all;
};

/// One key of a view, with what surrounds it.
class key final : public view_test::one_key {
public:
  explicit key(std::shared_ptr<const view> of) : one_key(std::move(of)) {}

  void fold(const std::vector<event>& events) { fold_batch(0, batch_of(events)); }
  void advance(event_time to) {
    watermark = to;
    if (wake_at == end_of_time && watermark == end_of_time)
      advance_once();
    advance_while_due();
  }
  features_read read_all(event_time as_of) const {
    arena memory;
    features_read out;
    of().read_all(state(), as_of, memory, out);
    return out;
  }
  feature_value read(std::string_view name, event_time as_of) const {
    arena memory;
    return one_key::read(name, as_of, memory);
  }
  double number(std::string_view name, event_time as_of) const {
    auto x = read(name, as_of);
    INFO(name);
    REQUIRE(x.status == feature_status::present);
    return x.value.kind() == cell_kind::integer ? static_cast<double>(x.value.as_integer())
                                                : x.value.as_real();
  }
};

} // namespace keyfold::counters_test
