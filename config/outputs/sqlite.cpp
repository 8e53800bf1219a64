#include "config/outputs/targets.hpp"
#include "config/spelling.hpp"

#include <algorithm>
#include <cctype>

namespace keyfold::config {

namespace {

/// SQLite sees no difference between a and A.
std::string folded(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

void check_table_name(const node& at, const std::string& name) {
  if (name.starts_with("sqlite_") || name == "keyfold_epochs")
    at.complain("a table cannot be called " + backquoted(name)
                + (name == "keyfold_epochs" ? ": keyfold keeps there which epoch the file has"
                                            : ": SQLite keeps such names to itself"));
}

} // namespace

sqlite_output read_sqlite_output(const node& at, const plan& of, const output_plan& rows,
                                 target_names& taken) {
  sqlite_output out;
  out.path = at.text_or("path", "");
  const auto& sources = rows.views.empty() ? rows.streams : rows.views;
  if (sources.size() > 1)
    at[rows.views.empty() ? "streams" : "views"].complain(
        "a table has the rows of one view or stream; make an output for each");
  out.table = at.text_or("table", sources.empty() ? "" : sources.front());
  out.create_table = at.flag_or("create_table", true);
  out.lock_wait = at.milliseconds_or("lock_wait", out.lock_wait);
  check_table_name(at["table"] ? at["table"] : at["name"], folded(out.table));
  if (!taken.take({"sqlite", normal_path(out.path), folded(out.table)}))
    at["path"].complain("two outputs write to the table " + backquoted(out.table) + " of "
                        + at["path"].quoted()
                        + "; give each its own, since their keys could be the same");
  if (normal_path(out.path) == normal_path(of.ledger.path))
    at["path"].complain("the ledger is kept in " + at["path"].quoted()
                        + ", which nothing else may write to; give the output a file of its own");
  return out;
}

} // namespace keyfold::config
