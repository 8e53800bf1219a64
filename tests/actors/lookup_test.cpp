#include "../support/remote_table.hpp"
#include "pipeline.hpp"
#include "relay_view.hpp"

#include "features/table.hpp"

#include <catch2/catch.hpp>

using namespace keyfold;
using namespace keyfold::testing;

namespace {

const data_type text_type{type_kind::string, 0, 0, nullptr};

std::shared_ptr<table> groups(const std::map<std::string, std::string>& rows) {
  auto made = std::make_shared<table>("groups",
                                      std::vector<column>{{"key", text_type}, {"group", text_type}},
                                      std::vector<uint32_t>{0});
  table_builder builder{made->columns(), made->key(), {}};
  for (const auto& [key, group] : rows)
    builder.add(std::vector{cell::string(key), cell::string(group)});
  made->publish(builder.build());
  return made;
}
/// `key`, `amount`, and `group`, which is looked up by the key.
std::shared_ptr<stream_schema> looked_up(const std::string& name,
                                         std::shared_ptr<lookup_table> from, bool drop) {
  auto out = log_schema(name);
  stream_field group;
  group.name = "group";
  group.type = text_type;
  group.lookup = 0;
  group.stage = 1;
  out->fields.push_back(group);
  out->lookups = {{std::move(from), {0}, {1}, {2}, drop}};
  return out;
}

std::shared_ptr<entity_definition> by_group(std::shared_ptr<const view> x,
                                            const std::string& stream) {
  auto out = user_entity(std::move(x), stream);
  out->name = "group";
  out->inputs[0].key_columns = {2};
  return out;
}

/// `events` → tallies by the group that is looked up.
engine_settings tallies_by_group(const std::string& ledger, const std::shared_ptr<event_log>& log,
                                 const std::shared_ptr<lookup_table>& from, bool drop) {
  auto out = tally_settings(ledger, log, nullptr);
  auto schema = looked_up("events", from, drop);
  out.streams[0] = {schema, std::make_unique<log_source>(log, schema)};
  out.entities = {by_group(std::make_shared<tally_view>("tallies", "events"), "events")};
  return out;
}

using count_and_sum = std::optional<std::pair<int64_t, int64_t>>;

} // namespace

TEST_CASE("lookups: rows of a source are keyed by what is looked up; others are counted",
          "[actors]") {
  temporary_folder folder;
  for (auto drop : {false, true}) {
    auto log = std::make_shared<event_log>();
    log->append({{"a", 1, at_second(1)}, {"b", 2, at_second(2)}, {"x", 4, at_second(3)}});
    log->append({{std::nullopt, 8, at_second(4)}, {"a", 16, at_second(5)}});
    log->end();
    auto settings = tallies_by_group(folder / (drop ? "ledger-1" : "ledger-0"), log,
                                     groups({{"a", "g1"}, {"b", "g2"}}), drop);
    settings.finish_at_end = true;
    pipeline run{std::move(settings)};
    run.start();
    run.run_to_end();
    CHECK(run.tally_of("g1") == count_and_sum{{2, 17}});
    CHECK(run.tally_of("g2") == count_and_sum{{1, 2}});
    CHECK(run.metric("keyfold_lookup_missing_total", {{"table", "groups"}}) == 2);
    CHECK(run.metric("keyfold_lookup_dropped_total", {{"stream", "events"}}) == (drop ? 2 : 0));
    CHECK(run.metric("keyfold_source_null_keys_total") == (drop ? 0 : 2));
    CHECK(run.metric("keyfold_source_rows_total") == (drop ? 3 : 5));
    CHECK(run.stop().empty());
  }
}

TEST_CASE("lookups: a table in another system that is away holds its source up, not the epochs",
          "[actors]") {
  temporary_folder folder;
  auto remote = std::make_shared<remote_table>(groups({{"a", "g1"}}));
  auto log = std::make_shared<event_log>();
  auto other = std::make_shared<event_log>();
  log->append({{"a", 1, at_second(1)}});
  other->append({{"u", 1, at_second(1)}});
  auto settings = tallies_by_group(folder / "ledger", log, remote, false);
  auto schema = log_schema("others");
  settings.streams.push_back({schema, std::make_unique<log_source>(other, schema)});
  settings.entities.push_back(
      user_entity(std::make_shared<tally_view>("more", "others"), "others"));
  {
    pipeline run{std::move(settings)};
    run.start();
    run.run_until([&] { return run.reason("stream events") == "the database is away"; });
    run.run_until([&] { return other->committed().second.size() == 1; });
    CHECK(log->committed().second.empty()); // what waits is not said to be read
    CHECK(run.metric("keyfold_lookup_stalls_total", {{"stream", "events"}}) == 1);
    remote->away = false;
    run.run_until([&] { return run.tally_of("g1") == count_and_sum{{1, 1}}; });
    log->append({{"a", 2, at_second(2)}});
    run.run_until([&] { return run.tally_of("g1") == count_and_sum{{2, 3}}; });
    CHECK(run.reason("stream events").empty());
    remote->away = true;
    log->append({{"a", 4, at_second(3)}});
    run.run_until([&] { return !run.reason("stream events").empty(); });
    CHECK(run.stop().empty()); // with a poll that waits
  }
  remote->away = false;
  auto again = tallies_by_group(folder / "ledger2", log, remote, false);
  pipeline run{std::move(again)};
  run.start();
  run.run_until([&] { return run.tally_of("g1") == count_and_sum{{3, 7}}; });
  CHECK(run.stop().empty());
}

TEST_CASE("lookups: what was waiting for a table when the process ended is read again",
          "[actors]") {
  temporary_folder folder;
  auto remote = std::make_shared<remote_table>(groups({{"a", "g1"}}));
  auto log = std::make_shared<event_log>();
  for (int64_t round = 1; round <= 3; ++round) {
    log->append({{"a", 1, at_second(round)}});
    remote->away = round == 2;
    pipeline run{tallies_by_group(folder / "ledger", log, remote, false)};
    run.start();
    if (remote->away)
      run.run_until([&] { return !run.reason("stream events").empty(); });
    else
      run.run_until([&] { return run.tally_of("g1") == count_and_sum{{round, round}}; });
    CHECK(run.stop().empty());
  }
}

TEST_CASE("lookups: a derived stream is joined where its events are emitted", "[actors]") {
  temporary_folder folder;
  auto log = std::make_shared<event_log>();
  log->append({{"a", 1, at_second(1)}, {"b", 2, at_second(2)}, {"x", 4, at_second(3)}});
  log->end();
  auto output = std::make_shared<other_side>();
  auto settings = tally_settings(folder / "ledger", log, nullptr);
  settings.streams.push_back(
      {looked_up("relayed", groups({{"a", "g1"}, {"b", "g1"}}), true), nullptr, "relay"});
  settings.entities = {user_entity(std::make_shared<relay_view>("relay", "events", std::nullopt)),
                       by_group(std::make_shared<tally_view>("tallies", "relayed"), "relayed")};
  settings.outputs.push_back(
      {"copy", {}, true, 1u << 20, std::make_unique<test_output>(output), {{"relayed", {}}}});
  settings.finish_at_end = true;
  pipeline run{std::move(settings)};
  run.start();
  run.run_to_end();
  auto query = std::make_shared<feature_query>();
  query->entity = 1;
  query->keys = {"g1"};
  query->wanted = {{0, 0}, {0, 1}};
  std::promise<void> answered;
  query->done = [&](feature_query&) { answered.set_value(); };
  run.of().submit(query, nullptr);
  answered.get_future().wait();
  REQUIRE(query->answers[0].found);
  CHECK(query->answers[0].values[0].value.as_integer() == 2);
  CHECK(query->answers[0].values[1].value.as_integer() == 3);
  CHECK(run.metric("keyfold_lookup_dropped_total", {{"stream", "relayed"}}) == 1);
  CHECK(run.stop().empty());
  auto changes = output->changes();
  REQUIRE(changes.size() == 2);
  CHECK(changes[0].values.at(2) == "g1");
}

TEST_CASE("lookups: a table in memory that is not loaded is refused at the start", "[actors]") {
  temporary_folder folder;
  auto log = std::make_shared<event_log>();
  auto empty = std::make_shared<table>(
      "groups", std::vector<column>{{"key", text_type}, {"group", text_type}},
      std::vector<uint32_t>{0});
  pipeline run{tallies_by_group(folder / "ledger", log, empty, false)};
  auto started = run.of().start();
  REQUIRE_FALSE(started);
  CHECK(started.error().message == "stream `events`: the table `groups` is not loaded yet");
}

TEST_CASE("dead letters: those of others than sources are in the next epoch, also the last",
          "[actors]") {
  temporary_folder folder;
  auto log = std::make_shared<event_log>();
  auto letters = std::make_shared<other_side>();
  auto settings = tally_settings(folder / "ledger", log, nullptr, letters);
  settings.letters = std::make_shared<dead_letter_queue>();
  auto queue = settings.letters;
  auto offer = [&](const char* place) {
    std::vector<dead_letter> bad{{"table groups", place, "it is malformed", "x"}};
    REQUIRE(queue->offer(bad));
    CHECK(bad.empty());
  };
  offer("groups.csv:1");
  settings.finish_at_end = true;
  pipeline run{std::move(settings)};
  run.start();
  run.run_until([&] { return letters->changes().size() == 1; });
  offer("groups.csv:2");
  log->end();
  run.run_to_end();
  CHECK(run.stop().empty());
  REQUIRE(letters->changes().size() == 2);
  CHECK(letters->changes()[1].key.find("groups.csv:2") != std::string::npos);
}
