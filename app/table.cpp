#include "app/table.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace keyfold {

size_t display_width(std::string_view text) noexcept {
  auto begins_character = [](char x) { return (static_cast<unsigned char>(x) & 0xc0) != 0x80; };
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), begins_character));
}

std::string printable(std::string_view text) {
  std::string result;
  for (auto x : text)
    if (static_cast<unsigned char>(x) < 0x20 || x == 0x7f)
      result += fmt::format("\\x{:02x}", static_cast<unsigned char>(x));
    else
      result.push_back(x);
  return result;
}

std::string text_table::text() const {
  std::vector<size_t> widths;
  auto rows = rows_;
  for (auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) {
      row[i] = printable(row[i]);
      widths[i] = std::max(widths[i], display_width(row[i]));
    }
  }
  std::string result;
  for (auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      result += row[i];
      if (i + 1 < row.size())
        result.append(widths[i] - display_width(row[i]) + 2, ' ');
    }
    result.erase(result.find_last_not_of(' ') + 1);
    result.push_back('\n');
  }
  return result;
}

void text_table::print(std::FILE* to) const {
  auto all = text();
  std::fwrite(all.data(), 1, all.size(), to);
}

} // namespace keyfold
