#include "features/expression/like_pattern.hpp"

#include "features/expression/utf8.hpp"

#include <algorithm>

namespace keyfold::expressions {

std::optional<like_pattern> like_pattern::parse(std::string_view pattern, std::string_view escape) {
  if (!escape.empty() && count_characters(escape) != 1)
    return std::nullopt;
  like_pattern result;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (!escape.empty() && pattern.substr(i).starts_with(escape)) {
      i += escape.size();
      auto rest = pattern.substr(std::min(i, pattern.size()));
      if (!rest.starts_with('%') && !rest.starts_with('_') && !rest.starts_with(escape))
        return std::nullopt;
      auto literal = rest.starts_with(escape) ? escape : rest.substr(0, 1);
      for (auto c : literal)
        result.parts_.push_back({part::kind::byte, c});
      i += literal.size() - 1;
    } else if (pattern[i] == '%') {
      if (result.parts_.empty() || result.parts_.back().what != part::kind::any)
        result.parts_.push_back({part::kind::any});
    } else if (pattern[i] == '_') {
      result.parts_.push_back({part::kind::one});
      result.has_one_ = true;
    } else {
      result.parts_.push_back({part::kind::byte, pattern[i]});
    }
  }
  result.finish();
  return result;
}

void like_pattern::finish() {
  if (has_one_)
    return;
  pieces_.emplace_back();
  for (const auto& x : parts_) {
    if (x.what == part::kind::any)
      pieces_.emplace_back();
    else
      pieces_.back().push_back(x.byte);
  }
  parts_ = {};
}

bool like_pattern::matches(std::string_view text) const noexcept {
  return has_one_ ? matches_parts(text) : matches_pieces(text);
}

bool like_pattern::matches_pieces(std::string_view text) const noexcept {
  if (pieces_.size() == 1)
    return text == pieces_.front();
  const auto& first = pieces_.front();
  const auto& last = pieces_.back();
  if (text.size() < first.size() + last.size() || !text.starts_with(first) || !text.ends_with(last))
    return false;
  text.remove_prefix(first.size());
  text.remove_suffix(last.size());
  for (size_t i = 1; i + 1 < pieces_.size(); ++i) {
    auto at = text.find(pieces_[i]);
    if (at == std::string_view::npos)
      return false;
    text.remove_prefix(at + pieces_[i].size());
  }
  return true;
}

bool like_pattern::matches_parts(std::string_view text) const noexcept {
  size_t next = 0;
  size_t at = 0;
  // Where to go on when a part does not match: behind the last `%`, one character further on.
  auto retry_part = parts_.size() + 1;
  size_t retry_at = 0;
  while (at < text.size()) {
    auto what = next < parts_.size() ? parts_[next].what : part::kind::end;
    if (what == part::kind::any) {
      retry_part = ++next;
      retry_at = at;
    } else if (what == part::kind::one) {
      ++next;
      at = next_character(text, at);
    } else if (what == part::kind::byte && parts_[next].byte == text[at]) {
      ++next;
      ++at;
    } else if (retry_part <= parts_.size()) {
      retry_at = next_character(text, retry_at);
      next = retry_part;
      at = retry_at;
    } else {
      return false;
    }
  }
  while (next < parts_.size() && parts_[next].what == part::kind::any)
    ++next;
  return next == parts_.size();
}

} // namespace keyfold::expressions
