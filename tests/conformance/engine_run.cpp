#include "engine_run.hpp"

#include "app/wiring.hpp"
#include "cases.hpp"
#include "step_source.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <filesystem>
#include <fstream>
#include <optional>

namespace keyfold::conformance {

namespace {

using namespace std::chrono_literals;

struct quiet_config : caf::actor_system_config {
  quiet_config() {
    set("scheduler.max-threads", size_t{2});
    set("logger.file-verbosity", caf::atom("quiet"));
    set("logger.console-verbosity", caf::atom("quiet"));
  }
};

/// The definition with its output, ledger and dead letters, all in `folder`.
json whole_definition(const run& x, const std::string& folder) {
  auto out = with_output(x, folder + "/result.jsonl");
  out["ledger"] = {{"path", folder + "/ledger.db"}, {"epoch_interval", "10ms"}};
  return out;
}

/// The rows in the output's file; deletes are none.
std::vector<json> rows_in(const std::string& path) {
  std::vector<json> out;
  std::ifstream in{path};
  for (std::string line; std::getline(in, line);) {
    auto row = json::parse(line);
    if (row.contains("key") && row.contains("value") && row.size() == 2)
      row = row["value"];
    if (!row.is_null())
      out.push_back(std::move(row));
  }
  return out;
}

std::string dead_letters_in(const std::string& folder) {
  std::ifstream in{folder + "/ledger.db.dead-letters.jsonl"};
  std::string line;
  std::getline(in, line);
  return line;
}

/// The sum of a counter over its labels.
uint64_t counted(const metrics_registry& metrics, const std::string& name) {
  double out = 0;
  for (const auto& family : metrics.Collect())
    for (const auto& x : family.metric)
      out += family.name == name ? x.counter.value : 0;
  return static_cast<uint64_t>(out);
}

/// Runs a pipeline to the end of its sources. What went wrong, or an empty text.
std::string run_to_end(caf::actor_system& system, engine_settings settings,
                       const std::shared_ptr<metrics_registry>& metrics) {
  readiness ready;
  engine pipeline{system, std::move(settings), metrics, ready};
  if (auto started = pipeline.start(); !started)
    return "it does not start: " + started.error().message;
  auto ended = pipeline.wait(30s);
  auto stopped = pipeline.stop(5s);
  if (!stopped)
    return "it failed: " + stopped.error().message;
  return ended ? "" : "it has not ended after 30 s";
}

} // namespace

struct engine_runner::world {
  world() {
    auto path = (std::filesystem::temp_directory_path() / "keyfold-conformance-XXXXXX").native();
    if (::mkdtemp(path.data()) == nullptr)
      throw std::runtime_error{"no folder can be made in " + path};
    folder = path;
  }
  ~world() {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }

  quiet_config config;
  caf::actor_system system{config};
  std::string folder;
  int runs = 0;
};

engine_runner::engine_runner() : world_(std::make_unique<world>()) {}
engine_runner::~engine_runner() = default;

std::string engine_runner::problem(const run& x) {
  auto folder = world_->folder + "/" + std::to_string(++world_->runs);
  std::filesystem::create_directory(folder);
  auto plan = config::compile_plan(whole_definition(x, folder).dump(1), x.name,
                                   [](const auto&) { return std::optional<std::string>{}; });
  if (x.refused)
    return plan ? "the definition is expected to be refused, and is not" : "";
  if (!plan)
    return "the definition is refused: " + plan.error().messages.front();
  auto metrics = std::make_shared<metrics_registry>();
  auto wired = wire(*plan, true, metrics);
  if (!wired)
    return wired.error().message;
  for (auto& stream : wired->engine.streams)
    if (stream.source != nullptr)
      stream.source = std::make_unique<step_source>(x, stream.schema);
  auto failure = run_to_end(world_->system, std::move(wired->engine), metrics);
  if (!failure.empty())
    return failure;
  if (auto letter = dead_letters_in(folder); !letter.empty())
    return "a record could not be read: " + letter;
  if (counted(*metrics, "keyfold_view_groups_expired_total") < x.timeouts)
    return "fewer than " + std::to_string(x.timeouts) + " partial matches ended with their time";
  return difference(x.expected, rows_in(folder + "/result.jsonl"));
}

} // namespace keyfold::conformance
