#include "config/names.hpp"
#include "config/outputs/targets.hpp"
#include "config/spelling.hpp"

#include <algorithm>

namespace keyfold::config {

namespace {

/// The columns by which the rows are told apart.
std::vector<std::string> key_of_rows(const graph& views, const output_plan& rows) {
  if (rows.views.empty())
    return rows.key;
  auto number = *views.view_names().find(rows.views.front());
  auto out = views.key_of(number);
  if (const auto* view = views.checked(number))
    for (const auto& x : view->changes().group)
      out.push_back(x.name);
  return out;
}

void check_key(const node& at, const graph& views, const output_plan& rows) {
  if (rows.fields.empty())
    return;
  for (const auto& name : key_of_rows(views, rows))
    if (std::none_of(rows.fields.begin(), rows.fields.end(),
                     [&](const auto& x) { return x.column == name; }))
      at["columns"].complain_of_key("`columns` leaves out " + backquoted(name)
                                    + ", by which the rows of the table are told apart: name it");
}

} // namespace

postgres_output read_postgres_output(const node& at, const graph& views, const output_plan& rows,
                                     target_names& taken) {
  postgres_output out;
  out.url = at.text_or("url", "");
  out.password = at.text_or("password", "");
  out.table = at.text_or("table", "");
  out.marker_table = at.text_or("marker_table", "");
  check_table_name(at["table"]);
  check_table_name(at["marker_table"]);
  out.create_table = at.flag_or("create_table", out.create_table);
  out.batch_rows = at.whole_or("batch_rows", out.batch_rows);
  out.timeout = at.milliseconds_or("timeout", out.timeout);
  if (rows.views.size() + rows.streams.size() > 1)
    at.complain("a table has the rows of one view or one stream; make an output for each");
  else
    check_key(at, views, rows);
  if (!taken.take({"postgres", out.url, out.table}))
    at["table"].complain("two outputs write to the table " + at["table"].quoted()
                         + "; give each its own, since their keys could be the same");
  return out;
}

} // namespace keyfold::config
