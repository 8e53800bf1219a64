#include "actors/epoch_coordinator.hpp"
#include "fake_ledger.hpp"
#include "fake_table.hpp"
#include "pipeline.hpp"

using namespace keyfold;
using namespace keyfold::testing;

namespace {

/// A coordinator with one source, one router and no outputs, over a ledger that can be slow.
class coordinating {
public:
  explicit coordinating(epoch_settings settings) {
    auto schema = log_schema();
    table_->stream_count = 1;
    table_->derived_numbers.resize(1);
    auto& entity = table_->entities.emplace_back();
    entity.layout =
        std::make_shared<entity_layout>(user_entity(std::make_shared<tally_view>("tallies")));
    entity.input_streams = {0};
    entity.view_streams = {{0}};
    entity.every_change.resize(1);
    entity.last_change.resize(1);
    auto views = view_metrics::make(*metrics_, {user_entity(std::make_shared<tally_view>("v"))});
    routers_.push_back(make_lean_actor<router>(system_, system_, table_, gate_, views));
    routers_[0]->connect(0, routers_, {});
    sources_.push_back(std::make_unique<source_reader>(
        schema, 0, std::make_unique<log_source>(log, schema), table_, routers_, gate_, *metrics_,
        ready_,
        source_reader::callbacks{
            [this](source_progress x) { coordinator_->send_held(0, std::move(x)); },
            [this](std::string reason) { coordinator_->send_failure(std::move(reason)); }}));
    epoch_coordinator::parts parts;
    parts.gate = gate_;
    parts.routers = routers_;
    parts.sources = &sources_;
    parts.outputs = &outputs_;
    parts.ledger = &writer_;
    parts.tables = {{&table, 1}};
    parts.compacted_epoch = [] { return uint64_t{0}; };
    parts.metrics = metrics_.get();
    parts.finished = [this](std::string failure) { finished_.set_value(std::move(failure)); };
    coordinator_ = make_lean_actor<epoch_coordinator>(system_, settings, std::move(parts));
    sources_[0]->start({});
  }
  ~coordinating() {
    gate_->stop();
    sources_[0]->join();
    writer_.stop();
  }

  /// One row after the other for a while; returns how many epochs were committed.
  int feed(std::chrono::milliseconds length) {
    auto before = ledger.commits();
    auto until = std::chrono::steady_clock::now() + length;
    for (int i = 0; std::chrono::steady_clock::now() < until; ++i) {
      log->append({{"k", 1, at_second(i)}});
      coordinator_->send_tick();
      std::this_thread::sleep_for(1ms);
    }
    return ledger.commits() - before;
  }
  void tick_for(std::chrono::milliseconds length) {
    auto until = std::chrono::steady_clock::now() + length;
    for (; std::chrono::steady_clock::now() < until; std::this_thread::sleep_for(1ms))
      coordinator_->send_tick();
  }
  /// Ends it and returns why it failed.
  std::string stop() {
    coordinator_->send_stop(epoch_coordinator::clock::now() + 5s);
    auto over = finished_.get_future();
    while (over.wait_for(1ms) != std::future_status::ready)
      coordinator_->send_tick();
    return over.get();
  }
  uint64_t epoch() const { return coordinator_->epoch(); }
  void fail(const std::string& reason) { coordinator_->send_failure(reason); }

  fake_ledger ledger;
  std::shared_ptr<event_log> log = std::make_shared<event_log>();
  fake_table table{"users"};

private:
  test_system_config config_;
  caf::actor_system system_{config_};
  std::shared_ptr<metrics_registry> metrics_ = std::make_shared<metrics_registry>();
  readiness ready_;
  std::shared_ptr<routing_table> table_ = std::make_shared<routing_table>();
  std::shared_ptr<flow_gate> gate_ = std::make_shared<flow_gate>(1000);
  std::vector<caf::intrusive_ptr<router>> routers_;
  std::vector<std::unique_ptr<source_reader>> sources_;
  std::vector<coordinated_output> outputs_;
  ledger_writer writer_{ledger, *metrics_, ready_, [] { return false; }};
  std::promise<std::string> finished_;
  caf::intrusive_ptr<epoch_coordinator> coordinator_;
};

epoch_settings every(std::chrono::milliseconds interval, std::chrono::milliseconds most = 2000ms) {
  epoch_settings out;
  out.interval = interval;
  out.max_interval = most;
  return out;
}

} // namespace

TEST_CASE("epoch coordinator: an epoch at each interval while something changes, none while not") {
  coordinating x{every(20ms)};
  auto busy = x.feed(500ms);
  CHECK(busy >= 8);
  CHECK(busy <= 26);
  x.tick_for(50ms);
  auto before = x.ledger.commits();
  x.tick_for(200ms);
  CHECK(x.ledger.commits() == before);
  CHECK(x.stop().empty());
  CHECK(x.epoch() == static_cast<uint64_t>(x.ledger.commits()));
}

TEST_CASE("epoch coordinator: when commits take long, epochs are as much longer, to a bound") {
  coordinating x{every(5ms)};
  x.ledger.set_slow(50ms);
  auto slow = x.feed(1500ms); // four times 50 ms each
  CHECK(slow >= 3);
  CHECK(slow <= 9);
  CHECK(x.stop().empty());

  coordinating bounded{every(5ms, 60ms)};
  bounded.ledger.set_slow(50ms);
  CHECK(bounded.feed(1500ms) > slow);
  CHECK(bounded.stop().empty());
}

TEST_CASE("epoch coordinator: what changed before a stop is in a last epoch") {
  coordinating x{every(1h, 1h)};
  CHECK(x.feed(50ms) == 0);
  CHECK(x.stop().empty());
  CHECK(x.ledger.commits() == 1);
  CHECK(x.log->committed().second.at("p0").next > 0);
  CHECK(x.log->committed().second.size() == 1); // of the watermark sources hear nothing
}

TEST_CASE("epoch coordinator: a ledger that fails ends the program with its sentence") {
  coordinating x{every(5ms)};
  x.ledger.set_broken("the ledger is damaged");
  x.feed(100ms);
  CHECK(x.stop() == "the ledger is damaged");
  CHECK(x.log->committed().first == 0);
}

TEST_CASE("epoch coordinator: of several failures the first is told") {
  coordinating x{every(5ms)};
  x.fail("first");
  x.fail("second");
  CHECK(x.stop() == "first");
}

TEST_CASE("epoch coordinator: while the disk is full a stop waits no longer than it may") {
  coordinating x{every(5ms)};
  x.ledger.set_full(true);
  x.feed(50ms);
  auto before = std::chrono::steady_clock::now();
  CHECK(x.stop() == "the disk is full");
  CHECK(std::chrono::steady_clock::now() - before < 8s);
}

TEST_CASE("epoch coordinator: what a table gave is committed once the disk has room, and told") {
  coordinating x{every(5ms)};
  x.ledger.set_full(true);
  x.table.change("a", "1", 7);
  x.tick_for(50ms);
  x.table.change("b", "1", 8); // for the epoch after
  x.tick_for(50ms);
  CHECK((x.table.waiting() == 1 && x.table.commits() == 0));
  x.ledger.set_full(false);
  auto until = std::chrono::steady_clock::now() + 10s;
  while (x.table.commits() < 2 && std::chrono::steady_clock::now() < until)
    x.tick_for(5ms);
  CHECK(x.ledger.states(1) == std::map<std::string, std::string>{{"a", "1"}, {"b", "1"}});
  auto positions = x.ledger.positions();
  auto found = std::find_if(positions.begin(), positions.end(),
                            [](const auto& row) { return row.stream == "table users"; });
  REQUIRE(found != positions.end());
  CHECK((found->partition == "0123" && found->next == 8));
  CHECK(x.stop().empty());
}
