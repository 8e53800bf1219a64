#include "config/plan.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

/// Any text is a plan that can be explained, or has errors that say where.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text{reinterpret_cast<const char*>(data), size};
  auto variables = [](const std::string& name) -> std::optional<std::string> {
    return name.size() % 2 == 0 ? std::nullopt : std::optional<std::string>{name};
  };
  auto plan = keyfold::config::compile_plan(text, "fuzz.json", variables);
  if (plan) {
    if (keyfold::config::explain_text(*plan).empty()
        || keyfold::config::explain_mermaid(*plan).empty())
      std::abort();
    return 0;
  }
  if (plan.error().messages.empty())
    std::abort();
  for (const auto& message : plan.error().messages)
    if (message.rfind("fuzz.json:", 0) != 0)
      std::abort();
  return 0;
}
