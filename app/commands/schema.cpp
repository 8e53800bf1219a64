#include "app/commands/schema.hpp"

#include "config/plan.hpp"

#include <fmt/format.h>

namespace keyfold {

int run_schema() {
  fmt::print("{}", config::definition_schema());
  return 0;
}

} // namespace keyfold
