#include "app/commands/explain.hpp"

#include "app/wiring.hpp"

#include <fmt/format.h>

namespace keyfold {

int run_explain(const std::string& file, bool mermaid) {
  auto plan = load_plan(file);
  if (!plan) {
    for (const auto& message : plan.error().messages)
      fmt::print(stderr, "{}\n", message);
    return 2;
  }
  fmt::print("{}", mermaid ? config::explain_mermaid(*plan) : config::explain_text(*plan));
  return 0;
}

} // namespace keyfold
