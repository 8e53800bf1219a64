#include "connectors/formats/table_columns.hpp"

#include "connectors/formats/row_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

namespace keyfold {

namespace {

std::string folded(std::string_view name) {
  std::string out{name};
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

/// The key's columns, under the names that `fields` give them.
std::vector<table_column> key_of(const change_columns& rows,
                                 const std::vector<written_field>& fields) {
  std::vector<table_column> out;
  for (uint32_t i = 0; i < rows.key.size() && !rows.events; ++i) {
    auto renamed = std::find_if(fields.begin(), fields.end(),
                                [&](const auto& x) { return x.of_key && x.column == i; });
    out.push_back(
        {renamed == fields.end() ? rows.key[i].name : renamed->name, rows.key[i].type, true, i});
  }
  return out;
}

} // namespace

result<table_columns> table_columns_of(const change_columns& rows) {
  auto fields = value_fields(rows);
  table_columns out{key_of(rows, fields), 0};
  out.key = out.all.size();
  for (const auto& x : fields) {
    auto is_this = [&](const table_column& key) {
      return x.of_key && key.place == x.column && key.name == x.name;
    };
    auto keys = out.of_key();
    if (std::none_of(keys.begin(), keys.end(), is_this))
      out.all.push_back(
          {x.name, (x.of_key ? rows.key : rows.values)[x.column].type, x.of_key, x.column});
  }
  std::set<std::string> names;
  for (const auto& x : out.all)
    if (!names.insert(folded(x.name)).second)
      return fail(fmt::format("the rows of `{}` have two columns called `{}`, and a table can have "
                              "one: name them apart with `columns`",
                              rows.view, x.name));
  if (out.all.empty())
    return fail(fmt::format("the rows of `{}` have no columns, and a table needs one", rows.view));
  return out;
}

} // namespace keyfold
