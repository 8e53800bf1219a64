#include "features/expression/functions.hpp"
#include "features/expression/utf8.hpp"

#include <algorithm>

namespace keyfold::expressions {

namespace {

using arguments = std::span<const cell>;

template <class Change>
cell changed_bytes(std::string_view text, evaluation& with, Change change) {
  auto* to = with.make_text(text.size());
  if (!to)
    return {};
  std::transform(text.begin(), text.end(), to, change);
  return cell::string({to, text.size()});
}

cell upper(arguments x, evaluation& with) {
  return changed_bytes(x[0].as_text(), with, [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
}

cell lower(arguments x, evaluation& with) {
  return changed_bytes(x[0].as_text(), with, [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
}

cell length(arguments x, evaluation& /*with*/) {
  return cell::integer(static_cast<int64_t>(count_characters(x[0].as_text())));
}

cell byte_length(arguments x, evaluation& /*with*/) {
  return cell::integer(static_cast<int64_t>(x[0].as_text().size()));
}

/// Where character number `index` (from 0) begins, or the end.
size_t place_of(std::string_view text, int64_t index) noexcept {
  size_t at = 0;
  for (; index > 0 && at < text.size(); --index)
    at = next_character(text, at);
  return at;
}

cell substring(arguments x, evaluation& /*with*/) {
  auto text = x[0].as_text();
  // No text is longer, so that the sums below cannot overflow.
  constexpr auto limit = int64_t{1} << 40;
  auto first = std::clamp(x[1].as_integer(), -limit, limit);
  auto length = x.size() > 2 ? std::min(x[2].as_integer(), 3 * limit) : 3 * limit;
  if (length < 0)
    return {};
  // As in SQL, places before the first character count, too.
  auto end = first + length;
  first = std::max(first, int64_t{1});
  if (end <= first)
    return cell::string({});
  text.remove_prefix(place_of(text, first - 1));
  return cell::string(text.substr(0, place_of(text, end - first)));
}

std::string_view characters_of(arguments x) noexcept {
  return x.size() > 1 ? x[1].as_text() : std::string_view{" "};
}

/// Whether the character of `text` at `at`, of `size` bytes, is one of `characters`.
bool is_among(std::string_view text, size_t at, size_t size, std::string_view characters) noexcept {
  auto wanted = text.substr(at, size);
  for (size_t i = 0; i < characters.size();) {
    auto next = next_character(characters, i);
    if (characters.substr(i, next - i) == wanted)
      return true;
    i = next;
  }
  return false;
}

std::string_view without_leading(std::string_view text, std::string_view characters) noexcept {
  while (!text.empty()) {
    auto size = next_character(text, 0);
    if (!is_among(text, 0, size, characters))
      break;
    text.remove_prefix(size);
  }
  return text;
}

std::string_view without_trailing(std::string_view text, std::string_view characters) noexcept {
  while (!text.empty()) {
    auto at = text.size() - 1;
    while (at > 0 && continues_character(text[at]))
      --at;
    if (!is_among(text, at, text.size() - at, characters))
      break;
    text.remove_suffix(text.size() - at);
  }
  return text;
}

cell trim(arguments x, evaluation& /*with*/) {
  auto characters = characters_of(x);
  return cell::string(without_trailing(without_leading(x[0].as_text(), characters), characters));
}

cell trim_left(arguments x, evaluation& /*with*/) {
  return cell::string(without_leading(x[0].as_text(), characters_of(x)));
}

cell trim_right(arguments x, evaluation& /*with*/) {
  return cell::string(without_trailing(x[0].as_text(), characters_of(x)));
}

cell replace(arguments x, evaluation& with) {
  auto text = x[0].as_text();
  auto from = x[1].as_text();
  auto to = x[2].as_text();
  if (from.empty())
    return x[0];
  size_t count = 0;
  for (auto at = text.find(from); at != std::string_view::npos;
       at = text.find(from, at + from.size()))
    ++count;
  if (count == 0)
    return x[0];
  auto size = text.size() - count * from.size() + count * to.size();
  auto* result = with.make_text(size);
  if (!result)
    return {};
  auto* next = result;
  for (auto at = text.find(from); at != std::string_view::npos; at = text.find(from)) {
    next = std::copy_n(text.data(), at, next);
    next = std::copy_n(to.data(), to.size(), next);
    text.remove_prefix(at + from.size());
  }
  std::copy_n(text.data(), text.size(), next);
  return cell::string({result, size});
}

cell position(arguments x, evaluation& /*with*/) {
  auto text = x[0].as_text();
  auto at = text.find(x[1].as_text());
  if (at == std::string_view::npos)
    return cell::integer(0);
  return cell::integer(static_cast<int64_t>(count_characters(text.substr(0, at))) + 1);
}

cell starts_with(arguments x, evaluation& /*with*/) {
  return cell::boolean(x[0].as_text().starts_with(x[1].as_text()));
}

cell ends_with(arguments x, evaluation& /*with*/) {
  return cell::boolean(x[0].as_text().ends_with(x[1].as_text()));
}

cell contains(arguments x, evaluation& /*with*/) {
  return cell::boolean(x[0].as_text().find(x[1].as_text()) != std::string_view::npos);
}

cell split_part(arguments x, evaluation& /*with*/) {
  auto text = x[0].as_text();
  auto separator = x[1].as_text();
  auto number = x[2].as_integer();
  if (number < 1)
    return {};
  for (; number > 1; --number) {
    auto at = separator.empty() ? std::string_view::npos : text.find(separator);
    if (at == std::string_view::npos)
      return cell::string({});
    text.remove_prefix(at + separator.size());
  }
  auto end = separator.empty() ? std::string_view::npos : text.find(separator);
  return cell::string(text.substr(0, end));
}

cell run_concatenation(const node& self, evaluation& with) {
  constexpr size_t on_stack = 8;
  std::array<cell, on_stack> few;
  auto count = self.children.size();
  auto parts = count <= on_stack ? std::span{few}.first(count) : with.scratch.allocate_cells(count);
  size_t size = 0;
  for (size_t i = 0; i < count; ++i) {
    parts[i] = self.evaluate(i, with);
    if (parts[i].is_null())
      return {};
    size += parts[i].as_text().size();
  }
  auto* to = with.make_text(size);
  if (!to)
    return {};
  auto* next = to;
  for (const auto& part : parts)
    next = std::copy_n(part.as_text().data(), part.as_text().size(), next);
  return cell::string({to, size});
}

constexpr auto s = type_kind::string;
constexpr auto i = type_kind::int64;
constexpr auto none = type_kind::null;

constexpr std::array signatures{
    function_signature{"UPPER", {s, none, none, none}, 1, 1, s, strict<upper>},
    function_signature{"LOWER", {s, none, none, none}, 1, 1, s, strict<lower>},
    function_signature{"LENGTH", {s, none, none, none}, 1, 1, i, strict<length>},
    function_signature{
        "LENGTH", {type_kind::bytes, none, none, none}, 1, 1, i, strict<byte_length>},
    function_signature{"CHAR_LENGTH", {s, none, none, none}, 1, 1, i, strict<length>},
    function_signature{"CHARACTER_LENGTH", {s, none, none, none}, 1, 1, i, strict<length>},
    function_signature{"OCTET_LENGTH", {s, none, none, none}, 1, 1, i, strict<byte_length>},
    function_signature{
        "OCTET_LENGTH", {type_kind::bytes, none, none, none}, 1, 1, i, strict<byte_length>},
    function_signature{"SUBSTRING", {s, i, i, none}, 2, 3, s, strict<substring>},
    function_signature{"SUBSTR", {s, i, i, none}, 2, 3, s, strict<substring>},
    function_signature{"TRIM", {s, s, none, none}, 1, 2, s, strict<trim>},
    function_signature{"LTRIM", {s, s, none, none}, 1, 2, s, strict<trim_left>},
    function_signature{"RTRIM", {s, s, none, none}, 1, 2, s, strict<trim_right>},
    function_signature{"REPLACE", {s, s, s, none}, 3, 3, s, strict<replace>},
    function_signature{"STRPOS", {s, s, none, none}, 2, 2, i, strict<position>},
    function_signature{
        "STARTS_WITH", {s, s, none, none}, 2, 2, type_kind::boolean, strict<starts_with>},
    function_signature{
        "ENDS_WITH", {s, s, none, none}, 2, 2, type_kind::boolean, strict<ends_with>},
    function_signature{"CONTAINS", {s, s, none, none}, 2, 2, type_kind::boolean, strict<contains>},
    function_signature{"SPLIT_PART", {s, s, i, none}, 3, 3, s, strict<split_part>},
};

} // namespace

std::span<const function_signature> text_functions() noexcept {
  return signatures;
}

node concatenation_node(std::vector<node> children) {
  node x;
  x.run = run_concatenation;
  x.children = std::move(children);
  return x;
}

} // namespace keyfold::expressions
