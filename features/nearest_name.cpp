#include "features/nearest_name.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace keyfold {

namespace {

// Names longer than this are not compared: the work grows with the product of the lengths.
constexpr size_t longest_compared = 128;

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// The optimal string alignment distance.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> two_above(b.size() + 1);
  std::vector<size_t> above(b.size() + 1);
  std::vector<size_t> here(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j)
    above[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    here[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      auto differ = lower(a[i - 1]) != lower(b[j - 1]);
      here[j] = std::min({above[j] + 1, here[j - 1] + 1, above[j - 1] + (differ ? 1u : 0u)});
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2])
          && lower(a[i - 2]) == lower(b[j - 1]))
        here[j] = std::min(here[j], two_above[j - 2] + 1);
    }
    std::swap(two_above, above);
    std::swap(above, here);
  }
  return above[b.size()];
}

} // namespace

std::optional<std::string_view> nearest_name(std::string_view wanted,
                                             std::span<const std::string_view> names) {
  if (wanted.empty() || wanted.size() > longest_compared)
    return std::nullopt;
  std::optional<std::string_view> nearest;
  auto least = std::max(size_t{1}, wanted.size() / 3) + 1;
  for (auto name : names) {
    if (name.size() > longest_compared)
      continue;
    auto x = distance(wanted, name);
    if (x < least && x < std::max(wanted.size(), name.size())) {
      least = x;
      nearest = name;
    }
  }
  return nearest;
}

std::string did_you_mean(std::string_view wanted, std::span<const std::string_view> names) {
  auto name = nearest_name(wanted, names);
  return name ? fmt::format(": did you mean `{}`", *name) : std::string{};
}

} // namespace keyfold
