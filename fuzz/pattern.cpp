// Patterns as texts, with the conditions and measures over their matches: a line each.
#include "features/pattern.hpp"

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace keyfold;

scope columns() {
  auto type = [](const char* text) { return parse_data_type(text).value(); };
  return {{"id", type("int64"), true},
          {"action", type("string"), true},
          {"price", type("decimal(9,2)"), true},
          {"at", type("timestamp"), true}};
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out;
  for (size_t i = 0; i <= text.size() && out.size() < 12;) {
    auto end = std::min(text.find('\n', i), text.size());
    out.emplace_back(text.substr(i, end - i));
    i = end + 1;
  }
  return out;
}

} // namespace

/// Any text is a pattern or is refused with a place inside it; what compiles makes a view.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0)
    return 0;
  auto how = data[0];
  auto lines = lines_of({reinterpret_cast<const char*>(data) + 1, size - 1});
  using contiguity = pattern_element::contiguity;
  auto parsed = parse_pattern(lines[0], static_cast<contiguity>(how % 3));
  static_assert(static_cast<int>(contiguity::any) == 2);
  if (!parsed) {
    if (parsed.error().message.empty() || parsed.error().offset > lines[0].size())
      std::abort();
    return 0;
  }
  pattern_settings settings;
  settings.name = "fuzzed";
  settings.stream = "events";
  settings.columns = columns();
  settings.pattern = std::move(parsed->pattern);
  for (auto& name : parsed->variables)
    settings.variables.push_back({std::move(name), std::nullopt});
  auto conditions = std::min(settings.variables.size(), lines.size() - 1);
  for (size_t i = 0; i < conditions; ++i) {
    settings.variables[i].condition = static_cast<uint32_t>(i);
    settings.conditions.push_back(lines[i + 1]);
  }
  for (auto i = conditions + 1; i < lines.size(); ++i)
    settings.measures.push_back({"m" + std::to_string(i), lines[i]});
  settings.possessive = how / 4 % 2 == 1;
  settings.after = static_cast<pattern_settings::skip>(how / 8 % 5);
  settings.lenient_skip = how / 64 % 2 == 1;
  auto made = make_pattern(settings);
  if (made)
    return 0;
  const auto& problem = made.error();
  auto text = lines[0];
  if (problem.where == pattern_error::place::condition)
    text = settings.conditions.at(problem.number);
  if (problem.where == pattern_error::place::measure)
    text = settings.measures.at(problem.number).text;
  if (problem.message.empty() || problem.offset > text.size())
    std::abort();
  return 0;
}
