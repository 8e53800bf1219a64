#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>

#include "server_tests.hpp"

#include <spdlog/spdlog.h>

#include <cstdio>
#include <exception>

namespace keyfold::testing {

namespace {

Catch::Counts cases; ///< of the run that ended

struct case_counter : Catch::TestEventListenerBase {
  using TestEventListenerBase::TestEventListenerBase;
  void testRunEnded(const Catch::TestRunStats& x) override { cases = x.totals.testCases; }
};

CATCH_REGISTER_LISTENER(case_counter)

/// The servers that run, stopped at the end whatever it is.
struct running_servers {
  running_servers() = default;
  running_servers(const running_servers&) = delete;
  running_servers& operator=(const running_servers&) = delete;
  ~running_servers() {
    for (auto x = all.rbegin(); x != all.rend(); ++x)
      (*x)->stop_and_wipe();
  }

  std::vector<const needed_server*> all;
};

void leave_out(Catch::Session& session, const std::string& tag) {
  auto& chosen = session.configData().testsOrTags;
  if (chosen.empty())
    chosen.emplace_back();
  for (auto& x : chosen)
    x += "~[" + tag + "]";
}

int run(Catch::Session& session, const std::vector<needed_server>& servers) {
  running_servers running;
  int skipped = 0;
  for (const auto& x : servers) {
    auto reason = x.start();
    if (reason.empty()) {
      running.all.push_back(&x);
      continue;
    }
    ++skipped;
    std::printf("skipped: the tests with %s: %s\n", x.name.c_str(), reason.c_str());
    if (x.tag.empty()) {
      std::printf("0 passed, 0 failed, %d skipped\n", skipped);
      return 0;
    }
    leave_out(session, x.tag);
  }
  auto status = session.run();
  std::printf("%zu passed, %zu failed, %d skipped\n", cases.passed,
              cases.failed + cases.failedButOk, skipped);
  return status == 0 ? 0 : 1;
}

} // namespace

int run_with_servers(int argc, char** argv, const std::vector<needed_server>& servers) {
  // The servers are taken down on purpose; what the clients say of it is part of the tests, not of
  // their output.
  spdlog::set_level(spdlog::level::err);
  Catch::Session session;
  if (auto wrong = session.applyCommandLine(argc, argv))
    return wrong;
  try {
    return run(session, servers);
  } catch (const std::exception& x) {
    std::printf("%s\n0 passed, 1 failed, 0 skipped\n", x.what());
    return 1;
  }
}

} // namespace keyfold::testing
