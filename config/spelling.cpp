#include "config/spelling.hpp"

#include "features/nearest_name.hpp"

#include <algorithm>

namespace keyfold::config {

namespace {

constexpr size_t most_listed = 20;

} // namespace

std::string nearest(std::string_view text, const std::vector<std::string>& known) {
  constexpr size_t longest_compared = 200;
  if (text.empty() || text.size() > longest_compared)
    return {};
  std::vector<std::string_view> names(known.begin(), known.end());
  return std::string{nearest_name(text, names).value_or("")};
}

std::string backquoted(std::string_view text) {
  constexpr size_t longest = 100;
  auto shortened = text.size() > longest;
  std::string out = "`";
  for (auto c : text.substr(0, longest))
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  out += shortened ? "…`" : "`";
  return out;
}

std::string alternatives(const std::vector<std::string>& names, std::string_view last_link) {
  std::string out;
  auto count = std::min(names.size(), most_listed);
  for (size_t i = 0; i < count; ++i) {
    if (i > 0)
      out += i + 1 == names.size() ? " " + std::string{last_link} + " " : ", ";
    out += backquoted(names[i]);
  }
  if (names.size() > count)
    out += " and " + std::to_string(names.size() - count) + " more";
  return out;
}

std::string suggestion(std::string_view text, const std::vector<std::string>& known,
                       std::string_view kind) {
  if (auto guess = nearest(text, known); !guess.empty())
    return ": did you mean " + backquoted(guess) + "?";
  if (known.empty())
    return "; there are no " + std::string{kind};
  return "; the " + std::string{kind} + " here are " + alternatives(known, "and");
}

} // namespace keyfold::config
