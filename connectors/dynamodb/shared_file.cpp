#include "connectors/dynamodb/shared_file.hpp"

#include <algorithm>
#include <cctype>

namespace keyfold::dynamodb {

namespace {

std::string_view trimmed(std::string_view x) {
  auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!x.empty() && blank(x.front()))
    x.remove_prefix(1);
  while (!x.empty() && blank(x.back()))
    x.remove_suffix(1);
  return x;
}

/// What stands before a ` #` or ` ;`, which begin a comment.
std::string_view without_comment(std::string_view x) {
  for (size_t i = 1; i < x.size(); ++i)
    if ((x[i] == '#' || x[i] == ';') && (x[i - 1] == ' ' || x[i - 1] == '\t'))
      return x.substr(0, i);
  return x;
}

/// Of `[default]` and `[profile default]`: `default`.
std::string_view section_name(std::string_view line) {
  auto end = line.find(']');
  auto name = trimmed(line.substr(1, end == std::string_view::npos ? end : end - 1));
  constexpr std::string_view prefix = "profile ";
  return name.starts_with(prefix) ? trimmed(name.substr(prefix.size())) : name;
}

} // namespace

std::map<std::string, std::string> read_profile(std::string_view file, std::string_view profile) {
  std::map<std::string, std::string> out;
  bool inside = false;
  while (!file.empty()) {
    auto end = std::min(file.find('\n'), file.size());
    auto line = file.substr(0, end);
    file.remove_prefix(std::min(end + 1, file.size()));
    auto nested = !line.empty() && (line.front() == ' ' || line.front() == '\t');
    line = trimmed(line);
    if (line.empty() || line.front() == '#' || line.front() == ';')
      continue;
    if (line.front() == '[') {
      inside = section_name(line) == profile;
      continue;
    }
    auto equals = line.find('=');
    if (!inside || nested || equals == std::string_view::npos)
      continue;
    std::string name{trimmed(line.substr(0, equals))};
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    out[name] = trimmed(without_comment(line.substr(equals + 1)));
  }
  return out;
}

} // namespace keyfold::dynamodb
