#include "broker.hpp"
#include "registry.hpp"

#include "../support/server_tests.hpp"

int main(int argc, char** argv) {
  auto& broker = keyfold::kafka::test::test_broker::instance();
  auto& registry = keyfold::kafka::test::test_registry::instance();
  return keyfold::testing::run_with_servers(
      argc, argv,
      {{"a real broker", "", [&] { return broker.start(); }, [&] { broker.stop_and_wipe(); }},
       {"a real schema registry", "registry", [&] { return registry.start(); },
        [&] { registry.stop_and_wipe(); }}});
}
