#include "registry.hpp"

#include "broker.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <stdexcept>

namespace keyfold::kafka::test {
namespace {

constexpr int skipped = 77;

std::string script(const std::string& arguments, int* status) {
  return output_of(fmt::format("REGISTRY_DIR='{}/registry-test' "
                               "'{}/tests/servers/registry' {} 2>&1",
                               KEYFOLD_BINARY_DIR, KEYFOLD_SOURCE_DIR, arguments),
                   status);
}

/// Three above the broker's.
int port() {
  constexpr int brokers = 19510;
  const char* set = std::getenv("KEYFOLD_KAFKA_PORT");
  return (set == nullptr ? brokers : std::atoi(set)) + 3;
}

} // namespace

test_registry& test_registry::instance() {
  static test_registry the_only;
  return the_only;
}

std::string test_registry::start() {
  int status = 0;
  output_of("/usr/bin/python3 -c 'import avro.io' 2>&1", &status);
  if (status != 0)
    return "python3-avro is not installed";
  auto said = script(fmt::format("start {}", port()), &status);
  while (!said.empty() && said.back() == '\n')
    said.pop_back();
  if (status == skipped)
    return said;
  if (status != 0)
    throw std::runtime_error{said};
  url_ = said.substr(said.rfind('\n') + 1);
  return {};
}

void test_registry::stop_and_wipe() {
  int status = 0;
  script("stop --wipe", &status);
}

void test_registry::pause() {
  int status = 0;
  if (auto said = script("pause", &status); status != 0)
    throw std::runtime_error{said};
}

void test_registry::resume() {
  int status = 0;
  if (auto said = script("resume", &status); status != 0)
    throw std::runtime_error{said};
}

} // namespace keyfold::kafka::test
