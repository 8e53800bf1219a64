#pragma once

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold {

/// Rows of text under headings, printed in aligned columns. What could disturb a terminal (control
/// characters) is escaped.
class text_table {
public:
  explicit text_table(std::vector<std::string> headings) : rows_{std::move(headings)} {}

  /// Missing cells at the end are empty.
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  size_t size() const noexcept { return rows_.size() - 1; }
  std::string text() const;
  void print(std::FILE* to = stdout) const;

private:
  std::vector<std::vector<std::string>> rows_; // the first are the headings
};

/// How many columns of a terminal `text` takes, a code point each.
size_t display_width(std::string_view text) noexcept;
/// `text` with control characters as `\xNN`.
std::string printable(std::string_view text);

} // namespace keyfold
