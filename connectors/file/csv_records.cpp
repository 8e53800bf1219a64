#include "connectors/file/csv_records.hpp"

#include <fmt/format.h>

namespace keyfold {

namespace {

/// Whether a quoted field is open at the end of `line`. @param open whether one was before it
bool is_open_behind(std::string_view line, char delimiter, bool open) noexcept {
  for (size_t at = 0;;) {
    if (open) {
      at = line.find('"', at);
      if (at == std::string_view::npos)
        return true;
      if (at + 1 < line.size() && line[at + 1] == '"') {
        at += 2;
        continue;
      }
      open = false;
    } else if (at < line.size() && line[at] == '"') {
      open = true;
      ++at;
      continue;
    }
    at = line.find(delimiter, at);
    if (at == std::string_view::npos)
      return false;
    ++at;
  }
}

} // namespace

csv_records::csv_records(int descriptor, char delimiter)
    : descriptor_(descriptor), delimiter_(delimiter) {
  lines_.begin_at(descriptor, 0);
}

result<csv_records::outcome> csv_records::next() {
  while (true) {
    auto read = lines_.next(true);
    if (!read)
      return tl::unexpected{std::move(read).error()};
    if (*read == line_reader::outcome::at_end)
      return outcome::at_end;
    line_ = next_line_++;
    text_ = lines_.text();
    if (*read == line_reader::outcome::too_long) {
      problem_ = fmt::format("the line has more than {} bytes", max_line_bytes);
      return outcome::bad;
    }
    if (text_.empty())
      continue;
    auto quoted = text_.find('"') != std::string_view::npos;
    return quoted && is_open_behind(text_, delimiter_, false) ? next_lines() : outcome::record;
  }
}

result<csv_records::outcome> csv_records::next_lines() {
  joined_ = text_;
  first_size_ = joined_.size();
  behind_first_ = lines_.position();
  while (true) {
    auto read = lines_.next(true);
    if (!read)
      return tl::unexpected{std::move(read).error()};
    if (*read != line_reader::outcome::line
        || joined_.size() + lines_.text().size() >= max_line_bytes)
      return refuse_first();
    ++next_line_;
    joined_ += '\n';
    joined_ += lines_.text();
    if (!is_open_behind(lines_.text(), delimiter_, true)) {
      text_ = joined_;
      return outcome::record;
    }
  }
}

csv_records::outcome csv_records::refuse_first() {
  problem_ = fmt::format("a quoted field is not closed within {} bytes", max_line_bytes);
  lines_.begin_at(descriptor_, behind_first_);
  next_line_ = line_ + 1;
  text_ = std::string_view{joined_}.substr(0, first_size_);
  return outcome::bad;
}

} // namespace keyfold
