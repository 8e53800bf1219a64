#include "config/names.hpp"

#include "config/spelling.hpp"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace keyfold::config {

namespace {

bool is_identifier(std::string_view name, bool hyphens) noexcept {
  auto letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; };
  auto any = [&](char c) { return letter(c) || (c >= '0' && c <= '9') || (hyphens && c == '-'); };
  return !name.empty() && letter(name.front()) && std::all_of(name.begin(), name.end(), any);
}

} // namespace

bool check_name(const node& name) {
  if (is_identifier(name.text(), true))
    return true;
  name.complain(name.quoted()
                + " cannot be a name: begin with a letter or `_` and go on with letters, digits, "
                  "`_` and `-`");
  return false;
}

namespace {

/// Takes a word or a quoted name off the front of `text`; false where there is none.
bool take_sql_name(std::string_view& text) {
  auto word = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$';
  };
  if (text.starts_with('"')) {
    auto end = text.find('"', 1);
    if (end == std::string_view::npos || end == 1)
      return false;
    text.remove_prefix(end + 1);
    return true;
  }
  auto end = std::find_if_not(text.begin(), text.end(), word);
  if (end == text.begin() || text.front() == '$'
      || std::isdigit(static_cast<unsigned char>(text.front())) != 0)
    return false;
  text.remove_prefix(static_cast<size_t>(end - text.begin()));
  return true;
}

bool is_table_name(std::string_view text) {
  constexpr size_t longest = 130;
  if (text.size() > longest || !take_sql_name(text))
    return false;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (!take_sql_name(text))
      return false;
  }
  return text.empty();
}

} // namespace

bool check_table_name(const node& name) {
  if (!name || is_table_name(name.text()))
    return true;
  name.complain(
      name.quoted()
      + " is no table's name: write `table` or `schema.table`, each of letters, digits, `_` "
        "and `$`, or in double quotes");
  return false;
}

bool check_slot_name(const node& name) {
  constexpr size_t longest = 63;
  auto text = name.text();
  auto good = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  if (!name
      || (!text.empty() && text.size() <= longest && std::all_of(text.begin(), text.end(), good)))
    return true;
  name.complain(name.quoted() + " is no slot's name: up to 63 small letters, digits and `_`");
  return false;
}

bool check_column_name(const std::string& name, const node& of) {
  if (is_identifier(name, false) && name.size() <= 200)
    return true;
  of.complain_of_key(backquoted(name)
                     + " cannot be a column: begin with a letter or `_` and go on with letters, "
                       "digits and `_`, at most 200 in all; the name in the record can be given "
                       "as `path`");
  return false;
}

bool name_table::add(const std::string& name, const node& at) {
  auto fresh = numbers_.try_emplace(name, static_cast<uint32_t>(names_.size())).second;
  if (!fresh)
    at.complain("there are two " + kind_ + " called " + backquoted(name) + "; rename one");
  // A name taken still has a number, so that numbers count all declarations.
  names_.push_back(name);
  return fresh;
}

std::optional<uint32_t> name_table::find(const node& reference) const {
  auto found = find(reference.text());
  if (!found)
    reference.complain("none of the " + kind_ + " is called " + reference.quoted()
                       + suggestion(reference.text(), names_, kind_));
  return found;
}

std::optional<uint32_t> name_table::find(const std::string& name) const {
  auto found = numbers_.find(name);
  return found == numbers_.end() ? std::nullopt : std::optional{found->second};
}

} // namespace keyfold::config
