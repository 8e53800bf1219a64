#include "server.hpp"

#include "../support/server_tests.hpp"

int main(int argc, char** argv) {
  auto& server = keyfold::postgres::test::test_server::instance();
  return keyfold::testing::run_with_servers(
      argc, argv,
      {{"a real PostgreSQL", "server", [&] { return server.start(); },
        [&] { server.stop_and_wipe(); }}});
}
