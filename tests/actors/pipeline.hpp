#pragma once

#include "event_log.hpp"
#include "other_side.hpp"
#include "tally_view.hpp"

#include "../connectors/file/temporary_folder.hpp"

#include "actors/engine.hpp"

#include <caf/actor_system_config.hpp>

#include <future>
#include <optional>

namespace keyfold::testing {

using namespace std::chrono_literals;

inline event_time at_second(int64_t x) {
  return event_time{std::chrono::seconds{x}};
}

struct test_system_config : caf::actor_system_config {
  test_system_config() {
    set("scheduler.max-threads", size_t{2});
    set("logger.file-verbosity", caf::atom("quiet"));
    set("logger.console-verbosity", caf::atom("quiet"));
  }
};

/// An entity `user` keyed by the stream's column 0, with one view.
inline std::shared_ptr<entity_definition> user_entity(std::shared_ptr<const view> of,
                                                      const std::string& stream = "events") {
  auto out = std::make_shared<entity_definition>();
  out->name = "user";
  out->key = {{"key", {type_kind::string, 0, 0, nullptr}}};
  out->views = {std::move(of)};
  out->inputs = {{stream, {0}, {{0, 0}}}};
  return out;
}

/// The settings of a pipeline: `log` → tallies of `user` → `output` (every change), dead letters →
/// `letters`; short epochs. Tests change what they are about.
inline engine_settings tally_settings(const std::string& ledger_path,
                                      const std::shared_ptr<event_log>& log,
                                      const std::shared_ptr<other_side>& output,
                                      const std::shared_ptr<other_side>& letters = nullptr,
                                      std::optional<duration> time_to_live = std::nullopt) {
  engine_settings out;
  out.application = "test";
  auto schema = log_schema();
  out.streams.push_back({schema, std::make_unique<log_source>(log, schema)});
  out.entities = {user_entity(std::make_shared<tally_view>("tallies", "events", time_to_live))};
  if (output != nullptr)
    out.outputs.push_back(
        {"changes", {"tallies"}, true, 1u << 20, std::make_unique<test_output>(output)});
  if (letters != nullptr) {
    out.dead_letter_output = out.outputs.size();
    out.outputs.push_back({"letters", {}, true, 1u << 20, std::make_unique<test_output>(letters)});
  }
  out.ledger_path = ledger_path;
  out.epochs.interval = 5ms;
  out.epochs.max_interval = 50ms;
  out.routers = 2;
  return out;
}

/// A running engine with all that it needs around it.
class pipeline {
public:
  explicit pipeline(engine_settings settings)
      : system_(config_), engine_(system_, std::move(settings), metrics_, ready_) {}

  void start() {
    auto started = engine_.start();
    INFO((started ? "" : started.error().message));
    REQUIRE(started);
  }
  /// Drives the engine until `done` holds, or fails the test after 20 s.
  template <class F>
  void run_until(F done) {
    auto deadline = std::chrono::steady_clock::now() + 20s;
    while (!done()) {
      REQUIRE(std::chrono::steady_clock::now() < deadline);
      engine_.wait(1ms);
    }
  }
  /// Drives the engine for a while.
  void run_for(std::chrono::milliseconds length) { engine_.wait(length); }
  /// Until it has ended by itself.
  void run_to_end() { REQUIRE(engine_.wait(20s)); }
  /// Why it failed, or an empty text.
  std::string stop(std::chrono::milliseconds deadline = 5s) {
    auto stopped = engine_.stop(deadline);
    return stopped ? std::string{} : stopped.error().message;
  }

  /// All answers to a read of features 0 and 1 of view 0.
  std::shared_ptr<feature_query> read(std::vector<std::string> keys,
                                      std::optional<event_time> as_of = std::nullopt) {
    auto query = std::make_shared<feature_query>();
    query->keys = std::move(keys);
    query->wanted = {{0, 0}, {0, 1}};
    query->as_of = as_of;
    std::promise<void> answered;
    query->done = [&](feature_query&) { answered.set_value(); };
    auto done = answered.get_future();
    engine_.submit(query, nullptr);
    REQUIRE(done.wait_for(20s) == std::future_status::ready);
    return query;
  }
  /// Count and sum of a key; null where there is no such key.
  std::optional<std::pair<int64_t, int64_t>> tally_of(const std::string& key) {
    auto query = read({key});
    const auto& x = query->answers.at(0);
    if (!x.found || x.values[0].status != feature_status::present)
      return std::nullopt;
    return std::pair{x.values[0].value.as_integer(), x.values[1].value.as_integer()};
  }

  /// The sum of a metric over its labels; with `label`, only where that label has that value.
  double metric(const std::string& name,
                std::optional<std::pair<std::string, std::string>> label = std::nullopt) const {
    double sum = 0;
    for (const auto& family : metrics_->Collect())
      for (const auto& x : family.metric) {
        auto labelled = !label;
        for (const auto& y : x.label)
          labelled = labelled || (y.name == label->first && y.value == label->second);
        if (family.name == name && labelled)
          sum += x.counter.value + x.gauge.value;
      }
    return sum;
  }
  /// What /ready would say of a component; empty: it is ready.
  std::string reason(const std::string& component) const {
    for (const auto& [name, reason] : ready_.reasons())
      if (name == component)
        return reason;
    return {};
  }
  engine& of() { return engine_; }

private:
  test_system_config config_;
  caf::actor_system system_;
  std::shared_ptr<metrics_registry> metrics_ = std::make_shared<metrics_registry>();
  readiness ready_;
  engine engine_;
};

/// Per key, the counts that were published, in their order: 1, 2, 3 … when each change came exactly
/// once. -1 is a delete.
inline std::map<std::string, std::vector<int64_t>>
published_counts(const std::vector<published_change>& changes) {
  std::map<std::string, std::vector<int64_t>> out;
  for (const auto& x : changes)
    out[x.key].push_back(x.erased ? -1 : std::stoll(x.values.at(0)));
  return out;
}

/// Each key of `expected` was published exactly once for each of its rows, and no other key.
inline void check_exactly_once(const other_side& output,
                               const std::map<std::string, int64_t>& expected) {
  auto published = published_counts(output.changes());
  CHECK(published.size() == expected.size());
  for (const auto& [key, count] : expected) {
    std::vector<int64_t> wanted(static_cast<size_t>(count));
    for (size_t i = 0; i < wanted.size(); ++i)
      wanted[i] = static_cast<int64_t>(i) + 1;
    INFO("key " << key);
    CHECK(published[key] == wanted);
  }
}

} // namespace keyfold::testing
