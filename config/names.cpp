#include "config/names.hpp"

#include "config/spelling.hpp"

#include <algorithm>

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
