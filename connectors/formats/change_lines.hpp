#pragma once

#include "connectors/formats/row_writer.hpp"

#include <memory>
#include <string>
#include <vector>

namespace keyfold {

/// Writes changes as lines of a file.
///
/// JSON: `{"key":{…},"value":{…}}`, a delete has the value null; where an output receives several
/// views, `"view":"…",` comes first.
/// CSV: `upsert` or `delete`, the view where there are several, the key's columns, the value's;
/// those of a delete are empty.
/// Events of streams: the value alone; in JSON, where an output receives several streams,
/// `{"stream":"…","value":{…}}`.
class change_lines {
public:
  change_lines(row_format format, const std::vector<change_columns>& columns,
               const row_style& style = {});

  /// The line with the names of the columns: CSV of one view or stream, else empty.
  const std::string& header() const noexcept { return header_; }
  /// Appends the line of `x`, with its end. False when `x` does not fit its columns.
  bool append(const change& x, std::string& out) const;

private:
  std::string csv_header(const change_columns& x) const;
  void append_json(const change& x, std::string& out) const;
  void append_csv(const change& x, std::string& out) const;

  row_format format_;
  std::vector<change_columns> columns_;
  std::vector<std::unique_ptr<row_writer>> writers_;
  std::vector<size_t> widths_;     ///< fields of each one's value
  std::vector<std::string> views_; ///< of CSV: the name of each; empty for a single one
  std::vector<std::string> heads_; ///< of JSON: what stands before the key, of events before the
                                   ///< value; empty: the value is all
  std::string header_;
};

} // namespace keyfold
