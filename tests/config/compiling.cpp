#include "compiling.hpp"

#include "definitions.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

namespace keyfold::config {

plan must_compile(const std::string& text) {
  auto made = compile_text(text);
  if (!made)
    for (const auto& message : made.error().messages)
      UNSCOPED_INFO(message);
  REQUIRE(made);
  return std::move(*made);
}

bool complains(const std::string& text, const std::string& of) {
  auto made = compile_text(text);
  if (made)
    return false;
  const auto& all = made.error().messages;
  for (const auto& message : all) {
    UNSCOPED_INFO(message);
    CHECK(message.find("hunter2hunter2") == std::string::npos);
  }
  return std::any_of(all.begin(), all.end(),
                     [&](const auto& x) { return x.find(of) != std::string::npos; });
}

} // namespace keyfold::config
