#include "config/position_index.hpp"

#include <algorithm>
#include <charconv>

namespace keyfold::config {

namespace {

std::optional<uint32_t> hex_unit(std::string_view text) noexcept {
  uint32_t unit = 0;
  if (text.size() < 4)
    return std::nullopt;
  auto parsed = std::from_chars(text.data(), text.data() + 4, unit, 16);
  if (parsed.ptr != text.data() + 4)
    return std::nullopt;
  return unit;
}

} // namespace

string_step next_string_step(std::string_view rest) noexcept {
  if (rest.front() != '\\')
    return {1, 1};
  if (rest.size() < 2 || rest[1] != 'u')
    return {std::min<size_t>(rest.size(), 2), 1};
  auto unit = hex_unit(rest.substr(2));
  if (!unit)
    return {rest.size(), 1};
  if (*unit < 0x80)
    return {6, 1};
  if (*unit < 0x800)
    return {6, 2};
  auto leading = *unit >= 0xd800 && *unit < 0xdc00;
  return leading && rest.size() >= 12 ? string_step{12, 4} : string_step{6, 3};
}

/// Steps over a text known to be valid, so it never asks what else could stand there.
class position_index::walker {
public:
  walker(std::string_view text, position_index& index) : text_(text), index_(index) {
    if (text_.substr(0, 3) == "\xEF\xBB\xBF")
      at_ = 3;
  }

  void value(entry& to, int depth) {
    skip_blank();
    to.value = at_;
    if (depth > max_depth && !index_.too_deep_)
      index_.too_deep_ = at_;
    if (index_.too_deep_)
      return;
    auto first = peek();
    if (first == '{')
      object(to, depth);
    else if (first == '[')
      array(to, depth);
    else if (first == '"')
      string();
    else
      scalar();
  }

private:
  char peek() const noexcept { return at_ < text_.size() ? text_[at_] : '\0'; }
  void step() noexcept { at_ = std::min(at_ + 1, text_.size()); }

  void skip_blank() {
    for (;;) {
      at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size());
      if (peek() != '/')
        return;
      auto line = text_.substr(at_, 2) == "//";
      auto end = line ? text_.find('\n', at_) : text_.find("*/", at_ + 2);
      at_ = end == std::string_view::npos ? text_.size() : end + (line ? 1 : 2);
    }
  }

  std::string string() {
    auto begin = ++at_;
    while (at_ < text_.size() && text_[at_] != '"')
      at_ = std::min(at_ + next_string_step(text_.substr(at_)).raw, text_.size());
    std::string inside{text_.substr(begin, at_ - begin)};
    step();
    return inside;
  }

  void scalar() { at_ = std::min(text_.find_first_of(",]} \t\r\n/", at_), text_.size()); }

  void object(entry& to, int depth) {
    step();
    skip_blank();
    while (peek() == '"' && !index_.too_deep_) {
      auto key_at = at_;
      auto key = unescape(string());
      skip_blank();
      step(); // the colon
      auto [member, fresh] = to.members.try_emplace(key);
      if (!fresh)
        index_.duplicates_.push_back({key, key_at, member->second.key});
      entry again;
      auto& target = fresh ? member->second : again;
      target.key = key_at;
      value(target, depth + 1);
      next_part();
    }
    step();
  }

  void array(entry& to, int depth) {
    step();
    skip_blank();
    while (at_ < text_.size() && peek() != ']' && !index_.too_deep_) {
      auto begun = at_;
      auto& item = to.items.emplace_back();
      value(item, depth + 1);
      item.key = item.value;
      next_part();
      // A brace that closes a bracket is the parser's to complain of, but this must end.
      if (at_ == begun)
        step();
    }
    step();
  }

  void next_part() {
    skip_blank();
    if (peek() == ',') {
      step();
      skip_blank();
    }
  }

  // Keys with escapes are rare; those beyond ASCII are left as written, which only costs precision
  // of a place.
  static std::string unescape(std::string_view raw) {
    std::string out;
    while (!raw.empty()) {
      auto step = next_string_step(raw);
      if (step.raw == 1)
        out += raw[0];
      else if (step.raw == 2)
        out += plain(raw[1]);
      else if (auto unit = hex_unit(raw.substr(2)); unit && *unit < 0x80)
        out += static_cast<char>(*unit);
      else
        out += raw.substr(0, step.raw);
      raw.remove_prefix(step.raw);
    }
    return out;
  }

  static char plain(char escaped) noexcept {
    switch (escaped) {
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    default:
      return escaped;
    }
  }

  std::string_view text_;
  position_index& index_;
  size_t at_ = 0;
};

position_index::position_index(std::string_view text) {
  lines_.push_back(0);
  for (auto end = text.find('\n'); end != std::string_view::npos; end = text.find('\n', end + 1))
    lines_.push_back(end + 1);
  walker{text, *this}.value(root_, 0);
}

position position_index::at(size_t byte) const noexcept {
  auto next = std::upper_bound(lines_.begin(), lines_.end(), byte);
  auto line = static_cast<size_t>(next - lines_.begin());
  return {static_cast<uint32_t>(line), static_cast<uint32_t>(byte - lines_[line - 1] + 1)};
}

const position_index::entry& position_index::find(std::string_view pointer) const {
  const auto* at = &root_;
  for (const auto& part : split_pointer(pointer)) {
    if (auto member = at->members.find(part); member != at->members.end()) {
      at = &member->second;
      continue;
    }
    size_t index = 0;
    auto parsed = std::from_chars(part.data(), part.data() + part.size(), index);
    if (parsed.ec != std::errc{} || parsed.ptr != part.data() + part.size()
        || index >= at->items.size())
      return *at;
    at = &at->items[index];
  }
  return *at;
}

size_t position_index::value(std::string_view pointer) const {
  return find(pointer).value;
}

size_t position_index::key(std::string_view pointer) const {
  return find(pointer).key;
}

std::string join_pointer(std::string_view pointer, std::string_view key) {
  std::string out{pointer};
  out += '/';
  for (auto c : key) {
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out += c;
  }
  return out;
}

std::string join_pointer(std::string_view pointer, size_t index) {
  return std::string{pointer} + '/' + std::to_string(index);
}

std::vector<std::string> split_pointer(std::string_view pointer) {
  std::vector<std::string> parts;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    auto end = std::min(pointer.find('/'), pointer.size());
    auto& part = parts.emplace_back();
    for (size_t i = 0; i < end; ++i) {
      auto escaped = pointer[i] == '~' && i + 1 < end;
      if (escaped)
        ++i;
      part += !escaped ? pointer[i] : pointer[i] == '1' ? '/' : '~';
    }
    pointer.remove_prefix(end);
  }
  return parts;
}

} // namespace keyfold::config
