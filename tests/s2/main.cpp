#include "server.hpp"

#include "../support/server_tests.hpp"

int main(int argc, char** argv) {
  auto& server = keyfold::s2::test::test_server::instance();
  return keyfold::testing::run_with_servers(
      argc, argv,
      {{"a real S2", "", [&] { return server.start(); }, [&] { server.stop_and_wipe(); }}});
}
