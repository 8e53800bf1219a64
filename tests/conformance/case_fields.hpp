#pragma once

#include "case.hpp"

#include <initializer_list>
#include <string_view>

namespace keyfold::conformance {

/// The `fields` of a stream that has these records: each column's type is that of its values.
json fields_of(const std::vector<json>& records);

/// Makes values of columns that are texts texts, whatever they were.
void fit(std::vector<json>& records, const json& fields);

/// A value as SQL writes it.
std::string sql_literal(const json& x);
/// A text between single quotes.
std::string sql_text(const std::string& text);

/// @throws unknown_notation naming a key of `x` that is none of `known`
void check_keys(const json& x, const char* what, std::initializer_list<std::string_view> known);

} // namespace keyfold::conformance
