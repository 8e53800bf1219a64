#include "app/run.hpp"

#include "app/wiring.hpp"
#include "http/server.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <thread>
#include <utility>

namespace keyfold {

namespace {

std::atomic<int> stop_signals{0};

void on_stop_signal(int) {
  stop_signals.fetch_add(1);
}

struct actor_config : caf::actor_system_config {
  explicit actor_config(uint32_t workers) {
    set("scheduler.max-threads", workers);
    set("scheduler.max-throughput", size_t{64});
    set("scheduler.policy", caf::atom("sharing")); // workers sleep until there is work
    set("logger.file-verbosity", caf::atom("quiet"));
    set("logger.console-verbosity", caf::atom("quiet"));
  }
};

/// For the tests of crashes: the process kills itself at the point KEYFOLD_FAULT names, once epoch
/// KEYFOLD_FAULT_EPOCH is reached.
fault_hook fault_from_environment() {
  const char* name = std::getenv("KEYFOLD_FAULT");
  const char* epoch = std::getenv("KEYFOLD_FAULT_EPOCH");
  if (name == nullptr || epoch == nullptr)
    return nullptr;
  auto point = std::string_view{name} == "after-output-commit" ? fault_point::after_output_commit
                                                               : fault_point::after_ledger_commit;
  auto from = std::strtoull(epoch, nullptr, 10);
  return [point, from](fault_point at, uint64_t reached) {
    if (at == point && reached >= from)
      std::raise(SIGKILL);
  };
}

uint64_t resident_bytes() {
  std::ifstream statm{"/proc/self/statm"};
  uint64_t total = 0;
  uint64_t resident = 0;
  statm >> total >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& x) {
    return static_cast<double>(x.tv_sec) + static_cast<double>(x.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Watches a run: says how far it is, measures it for the report.
class progress_watch {
public:
  using clock = std::chrono::steady_clock;
  /// Without records for so long, a run is at rest: while an epoch is made, and outputs are waited
  /// for, none come either.
  static constexpr std::chrono::seconds rest{1};

  progress_watch(const engine& x, const metrics_registry& metrics,
                 std::function<void(bool)> on_beat)
      : engine_(x), metrics_(metrics), on_beat_(std::move(on_beat)) {}

  void beat() {
    auto now = clock::now();
    auto records = engine_.records();
    if (records != std::exchange(seen_records_, records))
      last_record_ = now;
    on_beat_(now - last_record_ < rest);
    if (records != 0 && first_ == clock::time_point{})
      first_ = now - beat_length;
    if (now - said_ < std::chrono::seconds{10})
      return;
    if (records != said_records_)
      spdlog::info("{} records read, {:.0f}/s, {} keys in memory, epoch {}", records,
                   static_cast<double>(records - said_records_)
                       / std::chrono::duration<double>(now - said_).count(),
                   engine_.resident_keys(), engine_.epoch());
    said_ = now;
    said_records_ = records;
  }

  void write(const std::string& path) const {
    auto begun = first_ == clock::time_point{} ? clock::now() : first_;
    auto seconds = std::chrono::duration<double>(clock::now() - begun).count();
    auto events = engine_.records();
    nlohmann::json report{{"events", events},
                          {"seconds", seconds},
                          {"per_s", seconds > 0 ? static_cast<double>(events) / seconds : 0},
                          {"keys", engine_.resident_keys()},
                          {"epoch", engine_.epoch()},
                          {"emitted", emitted()},
                          {"rss_bytes", resident_bytes()},
                          {"cpu_seconds", cpu_seconds()}};
    std::ofstream{path} << report.dump() << '\n';
  }

  static constexpr auto beat_length = std::chrono::milliseconds{50};

private:
  /// How many events each view has emitted.
  nlohmann::json emitted() const {
    auto out = nlohmann::json::object();
    for (const auto& family : metrics_.Collect())
      for (const auto& metric : family.metric)
        for (const auto& label : metric.label)
          if (family.name == "keyfold_view_emitted_total" && label.name == "view"
              && metric.counter.value > 0)
            out[label.value] = static_cast<uint64_t>(metric.counter.value);
    return out;
  }

  const engine& engine_;
  const metrics_registry& metrics_;
  std::function<void(bool)> on_beat_;
  clock::time_point first_{};
  clock::time_point last_record_{};
  clock::time_point said_ = clock::now();
  uint64_t said_records_ = 0;
  uint64_t seen_records_ = 0;
};

int failed(const error& x) {
  spdlog::error("{}", x.message);
  return 1;
}

result<void> start(http::server& x, const http::server_settings& at) {
  auto port = x.start();
  if (!port)
    return tl::unexpected{port.error()};
  spdlog::info("serving on http{}://{}:{}", at.tls_certificate.empty() ? "" : "s", at.address,
               *port);
  return {};
}

int serve(const config::plan& plan, const run_options& options) {
  auto metrics = std::make_shared<metrics_registry>();
  make_gauge(*metrics, "process_start_time_seconds", "When the process started, Unix time.")
      .SetToCurrentTime();
  auto wired = wire(plan, options.exit_at_end, metrics);
  if (!wired)
    return failed(wired.error());
  wired->engine.fault = fault_from_environment();
  auto workers = plan.limits.workers != 0 ? plan.limits.workers
                                          : std::max(1u, std::thread::hardware_concurrency());
  actor_config actors{workers};
  caf::actor_system system{actors};
  readiness ready;
  engine pipeline{system, std::move(wired->engine), metrics, ready};
  if (auto started = pipeline.start(); !started)
    return failed(started.error());
  std::optional<http::server> server;
  if (plan.serving.enabled) {
    server.emplace(wired->serving, http::dependencies{system, pipeline, wired->catalog,
                                                      wired->push.get(), ready, metrics});
    if (auto serving = start(*server, wired->serving); !serving)
      return failed(serving.error());
  }
  progress_watch watch{pipeline, *metrics, options.on_beat};
  while (stop_signals.load() == 0 && !pipeline.wait(progress_watch::beat_length))
    watch.beat();
  if (server)
    server->begin_drain();
  auto stopped = pipeline.stop(plan.serving.drain_timeout);
  if (!options.report.empty())
    watch.write(options.report);
  if (server) {
    server->drain();
    server->stop();
  }
  if (!stopped)
    return failed(stopped.error());
  spdlog::info("stopped at epoch {}: {} records read", pipeline.epoch(), pipeline.records());
  return 0;
}

} // namespace

int run(const run_options& options) {
  spdlog::set_default_logger(spdlog::stderr_color_mt("keyfold"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %v", spdlog::pattern_time_type::utc);
  spdlog::set_level(spdlog::level::from_str(options.log_level));
  auto plan = load_plan(options.definition);
  if (!plan) {
    for (const auto& message : plan.error().messages)
      fmt::print(stderr, "{}\n", message);
    return 2;
  }
  struct sigaction action {};
  action.sa_handler = on_stop_signal;
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return serve(*plan, options);
}

} // namespace keyfold
