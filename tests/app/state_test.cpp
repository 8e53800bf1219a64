#include "app/commands/state.hpp"
#include "app/key_features.hpp"
#include "config/plan.hpp"
#include "features/entity_state.hpp"
#include "store/ledger.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <stdlib.h>
#include <unistd.h>

using namespace keyfold;
using Catch::Matchers::Contains;

namespace {

constexpr auto definition = R"({
  "application": "test",
  "streams": [{
    "name": "events",
    "source": {"type": "file", "path": "events.json"},
    "fields": {"user": {"type": "string", "required": true},
               "at": {"type": "timestamp", "unit": "s", "required": true}},
    "event_time": "at"
  }],
  "entities": [{"name": "user", "key": ["user"]}],
  "views": [{"name": "activity", "type": "decayed_counters", "entity": "user", "stream": "events",
             "time_constants": ["10s"], "measures": [{"name": "count", "function": "count"}]}],
  "ledger": {"path": "ledger.db"}
})";

config::plan make_plan() {
  auto plan = config::compile_plan(definition, "test.json",
                                   [](const std::string&) { return std::nullopt; });
  INFO((plan ? "" : plan.error().messages.at(0)));
  REQUIRE(plan);
  return std::move(*plan);
}

event_time second(int64_t x) {
  return event_time{std::chrono::seconds{x}};
}

/// The state of a user after an event at each of `times`.
std::string state_after(const config::plan& plan, std::initializer_list<int64_t> times) {
  auto& schema = plan.streams.at(0).schema;
  event_batch_builder builder{schema, times.size()};
  std::vector<uint32_t> rows;
  for (auto time : times) {
    auto row = builder.begin_row();
    for (size_t i = 0; i < schema->fields.size(); ++i)
      row[i] = schema->fields[i].name == "user" ? cell::string("u") : cell::timestamp(second(time));
    REQUIRE(builder.finish_row(std::nullopt));
    rows.push_back(static_cast<uint32_t>(rows.size()));
  }
  const entity_layout layout{plan.entities.at(0)};
  std::vector<event_time> watermarks(1, beginning_of_time);
  std::vector<change_sink*> changes(1);
  std::vector<emission_sink*> emissions(1);
  std::vector<fold_counts> counts(1);
  arena scratch;
  entity_state state;
  auto batch = builder.build();
  state.fold(layout, 0, *batch, rows, {watermarks, changes, emissions, counts, &scratch});
  std::string bytes;
  state.encode(layout, bytes);
  return bytes;
}

} // namespace

TEST_CASE("state: the features of a key are decoded from its bytes, as of a moment") {
  auto plan = make_plan();
  auto state = state_after(plan, {1000, 1010});
  auto features = read_key_features(plan.entities[0], state, second(1020));
  INFO((features ? "" : features.error().message));
  REQUIRE(features);
  REQUIRE(features->size() == 1);
  auto& x = features->front();
  CHECK(x.view == "activity");
  CHECK_THAT(x.name, Contains("count"));
  // (1·e⁻¹ + 1)·e⁻¹
  CHECK(std::stod(x.value) == Approx(0.503214724408055).epsilon(1e-12));
  CHECK(x.status == "PRESENT");
  CHECK(x.event_time == "1970-01-01T00:16:50Z");
}

TEST_CASE("state: bytes that are no state are refused with a sentence") {
  auto plan = make_plan();
  auto state = state_after(plan, {1000});
  for (size_t size = 1; size < state.size(); ++size) {
    INFO(size);
    auto features = read_key_features(plan.entities[0], state.substr(0, size), second(1000));
    REQUIRE_FALSE(features);
    CHECK_THAT(features.error().message, Contains("cannot be decoded"));
  }
}

TEST_CASE("state: what is not in the ledger, and no ledger, end with status 1; all else with 0") {
  auto pattern = (std::filesystem::temp_directory_path() / "keyfold-state-XXXXXX").string();
  REQUIRE(::mkdtemp(pattern.data()) != nullptr);
  state_options options;
  options.ledger = pattern + "/ledger.db";
  CHECK(run_state(options) == 1);
  {
    store::open_options settings;
    settings.path = options.ledger;
    settings.application = "test";
    settings.entities = {"user"};
    auto opened = store::ledger::open(settings);
    REQUIRE(opened);
    store::epoch_commit epoch;
    epoch.epoch = 1;
    epoch.positions = {{"events", "events.json", 10, 1'000'000, false}};
    epoch.segments.resize(1);
    store::append_key_state(epoch.segments[0].pairs, "u", "state");
    epoch.outbox = {{"changes", "log"}};
    REQUIRE((*opened)->commit(epoch));
    CHECK(run_state(options) == 0);
  }
  options.entity = "user";
  CHECK(run_state(options) == 0);
  options.key = "u";
  CHECK(run_state(options) == 0);
  options.key = "v";
  CHECK(run_state(options) == 1);
  options.entity = "item";
  CHECK(run_state(options) == 1);
  options.ledger = pattern;
  CHECK(run_state(options) == 1);
  std::filesystem::remove_all(pattern);
}
