#include "config/zones.hpp"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>

namespace keyfold::config {

namespace {

constexpr auto folder = "/usr/share/zoneinfo/";

/// A name of the database, and no way out of its folder.
bool is_name(const std::string& name) {
  auto plain = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '+' || c == '/';
  };
  return !name.empty() && name.size() <= 100 && name.front() != '/'
         && std::all_of(name.begin(), name.end(), plain);
}

} // namespace

result<time_zone> load_zone(const std::string& name) {
  if (name == "UTC")
    return time_zone{};
  if (!is_name(name))
    return fail("a time zone has a name such as `Europe/Berlin` or `UTC`");
  std::ifstream file{folder + name, std::ios::binary};
  std::string bytes{std::istreambuf_iterator<char>{file}, {}};
  if (!file || bytes.empty())
    return fail("this system knows no time zone of that name: is it spelt as in `Europe/Berlin`, "
                "and the package tzdata installed?");
  return parse_time_zone(bytes);
}

} // namespace keyfold::config
