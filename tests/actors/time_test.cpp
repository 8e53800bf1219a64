#include "pipeline.hpp"

using namespace keyfold;
using namespace keyfold::testing;

namespace {

/// Two partitions and a view whose keys live 10 s.
struct fixture {
  temporary_folder folder;
  std::string ledger = folder / "ledger.db";
  std::shared_ptr<event_log> log =
      std::make_shared<event_log>(std::vector<std::string>{"p0", "p1"});
  std::shared_ptr<other_side> output = std::make_shared<other_side>();
  std::chrono::milliseconds idle_after = 1h;

  engine_settings settings() const {
    auto out = tally_settings(ledger, log, output, nullptr, 10s);
    auto schema = std::make_shared<stream_schema>(*out.streams[0].schema);
    schema->time.idle_after = idle_after;
    schema->time.max_delay = 5s;
    out.streams[0] = {schema, std::make_unique<log_source>(log, schema)};
    return out;
  }
};

/// Those of the fixture, but its view reads a second stream, too.
engine_settings with_more(const fixture& x, const std::shared_ptr<event_log>& log,
                          std::chrono::milliseconds idle_after) {
  auto view = std::make_shared<tally_view>("tallies", "events", 10s);
  view->also_reads("more");
  auto entity = std::make_shared<entity_definition>(*user_entity(view));
  entity->inputs.push_back({"more", {0}, {{0, 1}}});
  auto schema = std::make_shared<stream_schema>(*log_schema("more"));
  schema->time.idle_after = idle_after;
  auto out = x.settings();
  out.entities = {entity};
  out.streams.push_back({schema, std::make_unique<log_source>(log, schema)});
  return out;
}

double watermark_of(const pipeline& run) {
  return run.metric("keyfold_stream_watermark_seconds");
}

/// Just below `second` − 5 s, the watermark after an event of that second.
bool is_watermark(double x, double second) {
  return x > second - 5.001 && x < second - 5;
}

} // namespace

TEST_CASE("time: the watermark is the slowest partition's, and timers go by it") {
  fixture x;
  pipeline run{x.settings()};
  run.start();
  x.log->append("p0", {{"a", 1, at_second(1000)}, {"b", 1, at_second(1100)}});
  run.run_until([&] { return x.output->changes().size() == 2; });
  run.run_for(50ms);
  CHECK(watermark_of(run) == 0); // the other partition has brought nothing
  x.log->append("p1", {{"c", 1, at_second(1014)}});
  run.run_until([&] { return is_watermark(watermark_of(run), 1014); });
  run.run_for(50ms);
  CHECK(run.tally_of("a"));
  x.log->append("p1", {{"c", 1, at_second(1016)}});
  run.run_until([&] { return !run.tally_of("a"); });
  CHECK(run.tally_of("b"));
  CHECK(run.stop().empty());
}

TEST_CASE("time: a silent partition holds nothing back once it is idle") {
  fixture x;
  x.idle_after = 50ms;
  pipeline run{x.settings()};
  run.start();
  x.log->append("p0", {{"a", 1, at_second(1000)}});
  run.run_until([&] { return run.metric("keyfold_stream_idle_partitions") >= 1; });
  run.run_until([&] { return is_watermark(watermark_of(run), 1000); });
  CHECK(run.stop().empty());
}

TEST_CASE("time: a partition that is known to hold more is waited for, and nothing of it is late") {
  fixture x;
  x.idle_after = 20ms;
  x.log->append("p1", {{"c", 1, at_second(900)}, {"d", 1, at_second(901)}});
  x.log->hold_up("p1", 1);
  pipeline run{x.settings()};
  run.start();
  run.run_until([&] { return is_watermark(watermark_of(run), 900); });
  x.log->append("p0", {{"a", 1, at_second(1000)}, {"b", 1, at_second(1100)}});
  run.run_for(200ms);
  CHECK(is_watermark(watermark_of(run), 900));
  CHECK(run.tally_of("a"));
  x.log->hold_up({}, 0);
  run.run_until([&] { return is_watermark(watermark_of(run), 1100); });
  CHECK(run.metric("keyfold_view_late_rows_total") == 0);
  CHECK(run.stop().empty());
}

TEST_CASE("time: a silent stream holds the views that read it back no longer than it may") {
  fixture x;
  x.idle_after = 50ms;
  auto rare = std::make_shared<event_log>();
  pipeline run{with_more(x, rare, 500ms)};
  run.start();
  x.log->append("p0", {{"a", 1, at_second(1000)}, {"b", 1, at_second(1100)}});
  run.run_until([&] { return run.metric("keyfold_stream_idle_partitions") >= 1; });
  run.run_for(100ms);
  CHECK(run.tally_of("a")); // the other stream may yet bring something of its time
  run.run_until([&] { return !run.tally_of("a"); });
  CHECK(run.tally_of("b"));
  CHECK(run.read({"b"})->answers[0].as_of > at_second(1000));
  rare->append({{"c", 1, at_second(500)}, {"c", 1, at_second(1200)}});
  run.run_until([&] { return run.metric("keyfold_view_late_rows_total") == 1; });
  CHECK(run.stop().empty());
}

TEST_CASE("time: a stream that has ended holds no view back that reads others too") {
  fixture x;
  auto whole = std::make_shared<event_log>();
  whole->append({{"c", 1, at_second(500)}});
  whole->end();
  for (int64_t begin : {1000, 2000}) { // a restart between
    pipeline run{with_more(x, whole, 1h)};
    run.start();
    auto early = "a" + std::to_string(begin);
    auto later = "b" + std::to_string(begin);
    x.log->append("p0", {{early, 1, at_second(begin)}, {later, 1, at_second(begin + 100)}});
    run.run_until([&] { return run.tally_of(early) && run.tally_of(later); });
    x.log->append("p1", {{"d", 1, at_second(begin + 50)}});
    run.run_until([&] { return !run.tally_of(early); });
    CHECK(run.tally_of(later));
    CHECK_FALSE(run.tally_of("c"));
    CHECK(run.stop().empty());
  }
}

TEST_CASE("time: what was late before a restart is late after it, also while others are idle") {
  fixture x;
  x.idle_after = 50ms;
  {
    pipeline run{x.settings()};
    run.start();
    x.log->append("p1", {{"c", 1, at_second(500)}});
    run.run_until([&] { return run.tally_of("c"); });
    x.log->append("p0", {{"a", 1, at_second(1000)}});
    run.run_until([&] { return is_watermark(watermark_of(run), 1000); });
    CHECK(run.stop().empty());
  }
  x.idle_after = 1h;
  pipeline run{x.settings()};
  run.start();
  CHECK(is_watermark(watermark_of(run), 1000));
  x.log->append("p1", {{"d", 1, at_second(994)}, {"e", 1, at_second(996)}});
  run.run_until([&] { return run.tally_of("e"); });
  CHECK(run.metric("keyfold_view_late_rows_total") == 1);
  CHECK(is_watermark(watermark_of(run), 1000));
  CHECK(run.stop().empty());
}

TEST_CASE("time: after a restart no watermark moves before the source knows its partitions") {
  fixture x;
  {
    pipeline run{x.settings()};
    run.start();
    x.log->append("p0", {{"a", 1, at_second(1000)}, {"b", 1, at_second(1100)}});
    run.run_until([&] { return x.output->changes().size() == 2; });
    CHECK(run.stop().empty());
  }
  x.log->hide_partitions(true);
  pipeline run{x.settings()};
  run.start();
  run.run_for(100ms);
  CHECK(watermark_of(run) == 0);
  x.log->hide_partitions(false);
  run.run_for(100ms);
  CHECK(watermark_of(run) == 0); // the other partition holds it back
  CHECK(run.tally_of("a"));
  x.log->append("p1", {{"c", 1, at_second(1050)}});
  run.run_until([&] { return !run.tally_of("a"); });
  CHECK(run.stop().empty());
}

TEST_CASE("time: an ended stream that has grown goes on where its time was") {
  fixture x;
  x.log->append("p0", {{"a", 1, at_second(1000)}});
  x.log->append("p1", {{"b", 1, at_second(1000)}});
  for (int life = 0; life < 2; ++life) {
    auto settings = x.settings();
    settings.finish_at_end = true;
    x.log->end();
    pipeline run{std::move(settings)};
    run.start();
    run.run_to_end();
    CHECK(run.metric("keyfold_view_late_rows_total") == 0);
    CHECK(run.stop().empty());
    x.log->append("p0", {{"c", 1, at_second(1001)}});
  }
}

TEST_CASE("time: dead letters are held to a bound until the epoch's edge") {
  fixture x;
  auto letters = std::make_shared<other_side>();
  auto settings = x.settings();
  settings.outputs.push_back(
      {"letters", {}, true, 1u << 30, std::make_unique<test_output>(letters)});
  settings.dead_letter_output = 1;
  settings.epochs.interval = settings.epochs.max_interval = 300ms;
  pipeline run{std::move(settings)};
  run.start();
  log_record bad{std::string(60'000, 'x'), 1, at_second(1), true};
  for (int i = 0; i < 10; ++i) {
    x.log->append("p0", std::vector<log_record>(100, bad));
    run.run_for(1ms);
  }
  run.run_until([&] { return letters->changes().size() == 1000; });
  CHECK(run.metric("keyfold_source_dead_letter_stalls_total") > 0);
  CHECK(run.metric("keyfold_source_dead_letters_total") == 1000);
  CHECK(run.stop().empty());
}
