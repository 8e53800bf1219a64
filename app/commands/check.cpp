#include "app/commands/check.hpp"

#include "app/wiring.hpp"

#include <fmt/format.h>

namespace keyfold {

int run_check(const std::string& file) {
  auto plan = load_plan(file);
  if (!plan) {
    for (const auto& message : plan.error().messages)
      fmt::print(stderr, "{}\n", message);
    return 2;
  }
  auto text = config::explain_text(*plan);
  fmt::print("{}: right: {}\n", file, text.substr(0, text.find('\n')));
  return 0;
}

} // namespace keyfold
