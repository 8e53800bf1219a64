#include "pipeline.hpp"
#include "relay_view.hpp"

#include "actors/engine.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <iostream>
#include <random>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace keyfold;
using namespace keyfold::testing;

namespace {

/// A log read in small steps, so that there are many batches and epochs. Begun anew, it tells anew
/// that it has ended.
class slow_source final : public event_source {
public:
  slow_source(const std::shared_ptr<event_log>& log,
              const std::shared_ptr<const stream_schema>& schema, size_t rows)
      : inner_(log, schema), rows_(rows) {}

  result<void> start(const source_positions& positions) override {
    auto begun = positions;
    for (auto& [name, x] : begun)
      x.ended = false;
    return inner_.start(begun);
  }
  result<source_poll> poll(size_t most, std::chrono::milliseconds timeout) override {
    std::this_thread::sleep_for(1ms);
    return inner_.poll(std::min(most, rows_), timeout);
  }
  std::vector<std::string> partitions() const override { return inner_.partitions(); }
  void committed(uint64_t epoch, const source_positions& x) override { inner_.committed(epoch, x); }
  component_status status() const override { return inner_.status(); }
  void interrupt() noexcept override { inner_.interrupt(); }
  void stop() override { inner_.stop(); }

private:
  log_source inner_;
  size_t rows_;
};

std::shared_ptr<entity_definition> entity_of(const std::string& name, std::shared_ptr<const view> x,
                                             const std::string& stream) {
  auto out = user_entity(std::move(x), stream);
  out->name = name;
  return out;
}

std::string group_of(int64_t amount) {
  return "g" + std::to_string(amount % 7);
}

/// `events` by user → `found` by group → `kept` by group → tallies: two stages of relays.
engine_settings chain_settings(const std::string& ledger_path,
                               const std::shared_ptr<event_log>& log,
                               std::optional<duration> first_delay,
                               std::optional<duration> second_delay,
                               std::function<void()> hold_second_up = {}) {
  auto first = std::make_shared<relay_view>("first", "events", first_delay);
  first->choose = [](std::string_view, int64_t amount) {
    return relay_view::rows{{group_of(amount), amount}};
  };
  auto second = std::make_shared<relay_view>("second", "found", second_delay);
  second->on_emit = std::move(hold_second_up);
  engine_settings out;
  out.application = "test";
  auto schema = log_schema();
  out.streams.push_back({schema, std::make_unique<slow_source>(log, schema, 64), ""});
  out.streams.push_back({log_schema("found"), nullptr, "first"});
  out.streams.push_back({log_schema("kept"), nullptr, "second"});
  out.entities = {entity_of("user", first, "events"), entity_of("group", second, "found"),
                  entity_of("total", std::make_shared<tally_view>("tallies", "kept"), "kept")};
  out.ledger_path = ledger_path;
  out.epochs.interval = 2ms;
  out.epochs.max_interval = 10ms;
  out.routers = 3;
  return out;
}

using tallies = std::map<std::string, std::pair<int64_t, int64_t>>;

/// Fills `log`; returns what the last stage must have in the end. Times rise, with jitter between
/// the partitions.
tallies fill(event_log& log, const std::vector<std::string>& partitions, int64_t rows,
             uint64_t seed, uint64_t users = 200) {
  std::mt19937_64 random{seed};
  std::map<std::string, std::vector<log_record>> records;
  tallies expected;
  for (int64_t i = 0; i < rows; ++i) {
    auto amount = static_cast<int64_t>(random() % 1000);
    auto& to = records[partitions[random() % partitions.size()]];
    to.push_back({"user" + std::to_string(random() % users), amount,
                  event_time{std::chrono::milliseconds{10 * i}}, false});
    auto& [count, sum] = expected[group_of(amount)];
    ++count;
    sum += amount;
  }
  for (auto& [partition, x] : records)
    log.append(partition, std::move(x));
  return expected;
}

tallies read_totals(engine& of, const tallies& expected) {
  tallies out;
  for (const auto& [key, unused] : expected) {
    auto query = std::make_shared<feature_query>();
    query->entity = 2;
    query->keys = {key};
    query->wanted = {{0, 0}, {0, 1}};
    std::promise<void> answered;
    query->done = [&](feature_query&) { answered.set_value(); };
    of.submit(query, nullptr);
    answered.get_future().wait();
    const auto& values = query->answers[0].values;
    if (query->answers[0].found && values[0].status == feature_status::present)
      out[key] = {values[0].value.as_integer(), values[1].value.as_integer()};
  }
  return out;
}

const std::vector<std::string> four_partitions{"p0", "p1", "p2", "p3"};

} // namespace

TEST_CASE("derived streams: what a view emits is folded by the views of its stream", "[actors]") {
  temporary_folder folder;
  auto log = std::make_shared<event_log>();
  auto expected = fill(*log, {"p0"}, 2000, 1);
  pipeline run{chain_settings(folder / "ledger", log, std::nullopt, std::nullopt)};
  run.start();
  run.run_until([&] { return read_totals(run.of(), expected) == expected; });
  CHECK(run.metric("keyfold_view_emitted_total", {{"view", "first"}}) == 2000);
  CHECK(run.metric("keyfold_view_emitted_total", {{"view", "second"}}) == 2000);
  CHECK(run.metric("keyfold_source_rows_total", {{"stream", "found"}}) == 2000);
  CHECK(run.metric("keyfold_source_rows_total", {{"stream", "kept"}}) == 2000);
  CHECK(run.stop().empty());
}

TEST_CASE(
    "derived streams: the end of the input passes through all stages before the pipeline ends",
    "[actors]") {
  temporary_folder folder;
  auto log = std::make_shared<event_log>(four_partitions);
  auto expected = fill(*log, four_partitions, 3000, 2);
  log->end();
  auto settings = chain_settings(folder / "ledger", log, 10s, 70s);
  settings.finish_at_end = true;
  pipeline run{std::move(settings)};
  run.start();
  run.run_to_end();
  CHECK(read_totals(run.of(), expected) == expected);
  CHECK(run.stop().empty());
}

TEST_CASE("derived streams: no event comes behind the watermark of its stream", "[actors]") {
  temporary_folder folder;
  auto log = std::make_shared<event_log>(four_partitions);
  auto expected = fill(*log, four_partitions, 20'000, 3);
  log->end();
  auto delay = GENERATE(as<std::optional<duration>>{}, std::nullopt, duration{1s}, duration{2h});
  auto settings = chain_settings(folder / "ledger", log, delay, 3s);
  settings.finish_at_end = true;
  pipeline run{std::move(settings)};
  run.start();
  run.run_to_end();
  CHECK(read_totals(run.of(), expected) == expected);
  CHECK(run.metric("keyfold_view_late_rows_total") == 0);
  CHECK(run.stop().empty());
}

TEST_CASE("derived streams: what is read of their views is as of their watermark", "[actors]") {
  temporary_folder folder;
  auto log = std::make_shared<event_log>();
  log->append({{"u", 1, at_second(10)}, {"u", 2, at_second(100)}});
  pipeline run{chain_settings(folder / "ledger", log, 20s, std::nullopt)};
  run.start();
  auto as_of = [&] {
    auto query = std::make_shared<feature_query>();
    query->entity = 2;
    query->keys = {"g1"};
    query->wanted = {{0, 0}};
    std::promise<void> answered;
    query->done = [&](feature_query&) { answered.set_value(); };
    run.of().submit(query, nullptr);
    answered.get_future().wait();
    return query->answers[0].as_of;
  };
  // The first row is emitted at 30 s, the second not yet; the watermark goes on all the same.
  run.run_until([&] { return as_of() == at_second(100) - duration{1}; });
  CHECK(read_totals(run.of(), {{"g1", {}}}) == tallies{{"g1", {1, 1}}});
  CHECK(read_totals(run.of(), {{"g2", {}}}).empty());
  log->append({{"v", 3, at_second(200)}});
  run.run_until([&] { return as_of() == at_second(200) - duration{1}; });
  CHECK(read_totals(run.of(), {{"g2", {}}}) == tallies{{"g2", {1, 2}}});
  log->end();
  run.run_until([&] { return read_totals(run.of(), {{"g3", {}}}).size() == 1; });
  CHECK(as_of() == at_second(200));
  CHECK(run.metric("keyfold_stream_newest_event_seconds", {{"stream", "kept"}}) == 200);
  CHECK(run.stop().empty());
}

TEST_CASE("derived streams: their own columns and condition are applied to what is emitted",
          "[actors]") {
  temporary_folder folder;
  auto log = std::make_shared<event_log>();
  log->append({{"a", 1, at_second(1)}, {"b", 5, at_second(2)}, {"c", 9, at_second(3)}});
  log->end();
  auto settings = chain_settings(folder / "ledger", log, 1s, 1s);
  auto found = log_schema("found");
  scope columns{{"key", found->fields[0].type, true}, {"amount", found->fields[1].type, true}};
  found->where = *compile_expression("amount > 3", columns);
  stream_field text;
  text.name = "text";
  text.type.kind = type_kind::string;
  text.derived = *compile_expression("key || '!'", columns);
  found->fields.push_back(text);
  settings.streams[1].schema = found;
  settings.entities[1] =
      entity_of("group", std::make_shared<relay_view>("second", "found", std::nullopt), "found");
  auto by_text = std::make_shared<entity_definition>(*settings.entities[1]);
  by_text->inputs[0].key_columns = {2};
  settings.entities[1] = by_text;
  settings.finish_at_end = true;
  pipeline run{std::move(settings)};
  run.start();
  run.run_to_end();
  CHECK(read_totals(run.of(), {{"g1", {}}, {"g2", {}}, {"g5", {}}})
        == tallies{{"g2", {1, 9}}, {"g5", {1, 5}}});
  CHECK(run.metric("keyfold_source_filtered_total", {{"stream", "found"}}) == 1);
  CHECK(run.metric("keyfold_source_rows_total", {{"stream", "found"}}) == 2);
  CHECK(run.stop().empty());
}

TEST_CASE("derived streams: a backlog brings no late events, though one partition is far ahead",
          "[actors]") {
  temporary_folder folder;
  auto log = std::make_shared<event_log>(four_partitions);
  auto expected = fill(*log, four_partitions, 10'000, 7);
  auto settings = chain_settings(folder / "ledger", log, 10s, 20s);
  auto schema = log_schema();
  schema->time.idle_after = 1ms; // the log is read one partition after the other
  settings.streams[0] = {schema, std::make_unique<slow_source>(log, schema, 64), ""};
  pipeline run{std::move(settings)};
  run.start();
  run.run_until([&] { return run.of().records() == 10'000; });
  log->end();
  run.run_until([&] { return read_totals(run.of(), expected) == expected; });
  CHECK(run.metric("keyfold_view_late_rows_total") == 0);
  CHECK(run.stop().empty());
}

TEST_CASE("derived streams: many events of one row do not fill the gate for ever", "[actors]") {
  temporary_folder folder;
  auto log = std::make_shared<event_log>();
  log->append(std::vector<log_record>(500, {"a", 1, at_second(1)}));
  log->end();
  auto settings = chain_settings(folder / "ledger", log, std::nullopt, 5s);
  auto burst = std::make_shared<relay_view>("first", "events", std::nullopt);
  burst->choose = [](std::string_view, int64_t) { return relay_view::rows(100, {"g1", 1}); };
  settings.entities[0] = entity_of("user", burst, "events");
  settings.max_in_flight_rows = 10;
  settings.finish_at_end = true;
  pipeline run{std::move(settings)};
  run.start();
  run.run_to_end();
  CHECK(read_totals(run.of(), {{"g1", {}}}) == tallies{{"g1", {50'000, 50'000}}});
  CHECK(run.stop().empty());
}

TEST_CASE("derived streams: keys that have left memory emit when their time comes", "[actors]") {
  temporary_folder folder;
  auto log = std::make_shared<event_log>(four_partitions);
  auto expected = fill(*log, four_partitions, 10'000, 4, 5000);
  auto settings_of = [&] {
    auto settings = chain_settings(folder / "ledger", log, 1h, 3s);
    settings.residency.max_keys = 30;
    return settings;
  };
  {
    pipeline run{settings_of()};
    run.start();
    run.run_until([&] { return run.of().records() == 10'000; });
    CHECK(run.stop().empty());
  }
  log->end();
  auto settings = settings_of();
  settings.finish_at_end = true;
  pipeline run{std::move(settings)};
  run.start();
  CHECK(run.of().resident_keys() < 1000); // of more than 4000
  run.run_to_end();
  CHECK(read_totals(run.of(), expected) == expected);
  CHECK(run.metric("keyfold_view_late_rows_total") == 0);
  CHECK(run.stop().empty());
}

TEST_CASE("derived streams: an output gets each event once, also over a restart", "[actors]") {
  temporary_folder folder;
  auto log = std::make_shared<event_log>(four_partitions);
  fill(*log, four_partitions, 3000, 6);
  auto found = std::make_shared<other_side>();
  auto settings_of = [&] {
    auto settings = chain_settings(folder / "ledger", log, 10s, 5s);
    settings.outputs.push_back(
        {"events", {}, false, 1u << 20, std::make_unique<test_output>(found), {{"found", {1}}}});
    return settings;
  };
  {
    pipeline run{settings_of()};
    run.start();
    run.run_until([&] { return run.of().records() > 1000; });
    CHECK(run.stop().empty());
  }
  CHECK(found->changes().size() < 3000);
  log->end();
  auto settings = settings_of();
  settings.finish_at_end = true;
  pipeline run{std::move(settings)};
  run.start();
  run.run_to_end();
  CHECK(run.stop().empty());
  std::map<std::string, int> rows;
  for (const auto& x : found->changes()) {
    CHECK(x.key == x.values.at(1)); // keyed by the amount
    CHECK(x.values.at(0) == group_of(std::stoll(x.values.at(1))));
    ++rows[x.values.at(0)];
  }
  CHECK(found->changes().size() == 3000);
  CHECK(rows.size() == 7);
}

namespace {

constexpr int went_well = 0;
constexpr int went_wrong = 1;
constexpr int crashed = 42;

/// One life of the pipeline, in a process of its own: dies right after the commit of its
/// `die_after`th epoch, or comes to the end and compares.
[[noreturn]] void live(const std::string& ledger_path, uint64_t seed, bool bounded_memory,
                       uint64_t die_after) {
  auto log = std::make_shared<event_log>(four_partitions);
  auto expected = fill(*log, four_partitions, 5000, seed);
  log->end();
  // While the second stage is held up, an epoch that did not wait for it would end.
  std::atomic<int> emitted = 0;
  auto hold_up = [&] {
    if (emitted++ % 16 == 0)
      std::this_thread::sleep_for(1ms);
  };
  auto settings = chain_settings(ledger_path, log, 10s, 20s, hold_up);
  settings.finish_at_end = true;
  if (bounded_memory)
    settings.residency.max_keys = 30;
  uint64_t epochs = 0;
  settings.fault = [&](fault_point, uint64_t) {
    if (++epochs == die_after)
      ::_exit(crashed);
  };
  test_system_config config;
  caf::actor_system system{config};
  readiness ready;
  engine of{system, std::move(settings), std::make_shared<metrics_registry>(), ready};
  auto started = of.start();
  if (!started || !of.wait(30s)) {
    std::cerr << (started ? "it does not end" : started.error().message) << std::endl;
    ::_exit(went_wrong);
  }
  auto totals = read_totals(of, expected);
  for (const auto& [key, x] : expected)
    if (totals[key] != x)
      std::cerr << key << ": " << totals[key].first << " rows instead of " << x.first << std::endl;
  ::_exit(totals == expected ? went_well : went_wrong);
}

int run_life(const std::string& ledger_path, uint64_t seed, bool bounded_memory, uint64_t die_after,
             std::chrono::microseconds kill_after) {
  auto child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0)
    live(ledger_path, seed, bounded_memory, die_after);
  if (kill_after.count() != 0) {
    ::usleep(static_cast<useconds_t>(kill_after.count()));
    ::kill(child, SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : crashed;
}

} // namespace

TEST_CASE("derived streams: no event is lost or doubled by a crash at any epoch's edge",
          "[actors]") {
  auto bounded_memory = GENERATE(false, true);
  auto killed = GENERATE(false, true);
  temporary_folder folder;
  auto path = folder / "ledger";
  uint64_t seed = 5;
  INFO("seed " << seed << ", bounded memory " << bounded_memory << ", killed " << killed);
  std::mt19937_64 random{seed};
  int crashes = 0;
  for (auto outcome = crashed; outcome == crashed; crashes += outcome == crashed) {
    auto last = crashes >= 25; // then it may come to its end
    auto die_after = last || killed ? 0 : 1 + random() % 3;
    std::chrono::microseconds kill_after{last || !killed ? 0 : 5000 + random() % 40'000};
    outcome = run_life(path, seed, bounded_memory, die_after, kill_after);
    REQUIRE(outcome != went_wrong);
  }
  CHECK(crashes > 1);
}
