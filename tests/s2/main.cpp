#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>

#include "server.hpp"

#include <spdlog/spdlog.h>

#include <cstdio>
#include <exception>

namespace {

size_t passed = 0;
size_t failed = 0;

struct counter : Catch::TestEventListenerBase {
  using TestEventListenerBase::TestEventListenerBase;
  void testRunEnded(const Catch::TestRunStats& x) override {
    passed = x.totals.testCases.passed;
    failed = x.totals.testCases.failed + x.totals.testCases.failedButOk;
  }
};

CATCH_REGISTER_LISTENER(counter)

} // namespace

int main(int argc, char** argv) {
  // The server is taken down on purpose; what the clients say of it is part of the tests, not of
  // their output.
  spdlog::set_level(spdlog::level::err);
  Catch::Session session;
  if (auto wrong = session.applyCommandLine(argc, argv))
    return wrong;
  auto& server = keyfold::s2::test::test_server::instance();
  try {
    if (auto reason = server.start(); !reason.empty()) {
      std::printf("skipped: the tests with a real S2: %s\n0 passed, 0 failed, 1 skipped\n",
                  reason.c_str());
      return 0;
    }
    auto status = session.run();
    server.stop_and_wipe();
    std::printf("%zu passed, %zu failed, 0 skipped\n", passed, failed);
    return status == 0 ? 0 : 1;
  } catch (const std::exception& x) {
    server.stop_and_wipe();
    std::printf("%s\n0 passed, 1 failed, 0 skipped\n", x.what());
    return 1;
  }
}
