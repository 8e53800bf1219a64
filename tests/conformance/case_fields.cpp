#include "case_fields.hpp"

#include <algorithm>

namespace keyfold::conformance {

namespace {

/// The type that has the values of both; "" is that of nothing but nulls.
std::string common_type(const std::string& a, const std::string& b) {
  if (a.empty() || a == b)
    return b;
  if (b.empty())
    return a;
  auto numbers = (a == "int64" || a == "double") && (b == "int64" || b == "double");
  return numbers ? "double" : "string";
}

std::string type_of(const json& x) {
  if (x.is_null())
    return "";
  if (x.is_boolean())
    return "bool";
  if (x.is_number_float())
    return "double";
  return x.is_number() ? "int64" : "string";
}

} // namespace

json fields_of(const std::vector<json>& records) {
  json fields = json::object();
  for (const auto& record : records)
    for (const auto& [name, value] : record.items())
      fields[name] = common_type(fields.value(name, ""), type_of(value));
  for (auto& type : fields)
    if (type == "")
      type = "string";
  return fields;
}

void fit(std::vector<json>& records, const json& fields) {
  for (auto& record : records)
    for (auto& [name, value] : record.items())
      if (fields.value(name, json{}) == "string" && !value.is_string() && !value.is_null())
        value = value.dump();
}

std::string sql_text(const std::string& text) {
  std::string out = "'";
  for (auto c : text)
    out += c == '\'' ? "''" : std::string{c};
  return out + "'";
}

std::string sql_literal(const json& x) {
  if (x.is_string())
    return sql_text(x.get<std::string>());
  if (x.is_boolean())
    return x.get<bool>() ? "TRUE" : "FALSE";
  if (x.is_structured())
    throw unknown_notation{"a value that is an object or a list: " + x.dump()};
  return x.is_null() ? "NULL" : x.dump();
}

void check_keys(const json& x, const char* what, std::initializer_list<std::string_view> known) {
  for (const auto& [key, value] : x.items())
    if (std::find(known.begin(), known.end(), key) == known.end())
      throw unknown_notation{std::string{"the key `"} + key + "` of " + what + " is not known"};
}

} // namespace keyfold::conformance
