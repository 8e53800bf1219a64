#include "connectors/file/csv_table_load.hpp"

#include "connectors/file/csv_records.hpp"

#include <fmt/format.h>

namespace keyfold {

namespace {

constexpr size_t rows_at_once = 256;
constexpr size_t kept_payload_bytes = 1024; // the file has the rest

using outcome = std::optional<refused_csv>;

/// Reads one file.
class csv_loader {
public:
  csv_loader(const csv_table_settings& settings, int descriptor)
      : settings_(settings), records_(descriptor, settings.format.delimiter),
        rows_(settings.schema, rows_at_once),
        table_(settings.held->columns(), settings.held->key(), settings.bounds) {}

  tl::expected<loaded_csv, refused_csv> load() {
    auto refused = read();
    if (!refused)
      refused = keep_rows();
    if (refused)
      return tl::unexpected{*std::move(refused)};
    made_.rows = table_.build();
    return std::move(made_);
  }

private:
  outcome refuse(load_failure reason, const std::string& sentence) const {
    return refused_csv{reason, fmt::format("table `{}`: {}", settings_.held->name(), sentence)};
  }
  std::string place(uint64_t line) const { return fmt::format("{}:{}", settings_.path, line); }

  outcome read() {
    auto decoder = make_record_decoder(settings_.schema, settings_.format);
    if (!decoder)
      return refused_csv{load_failure::unreadable, decoder.error().message};
    auto wants_header = (*decoder)->wants_header();
    while (true) {
      auto next = records_.next();
      if (!next)
        return refuse(load_failure::unreadable,
                      fmt::format("`{}` cannot be read: {}", settings_.path, next.error().message));
      if (*next == csv_records::outcome::at_end && !wants_header)
        return std::nullopt;
      auto refused = wants_header ? read_header(**decoder, *next) : read_row(**decoder, *next);
      if (refused)
        return refused;
      wants_header = false;
    }
  }

  outcome read_header(record_decoder& decoder, csv_records::outcome found) {
    if (found == csv_records::outcome::at_end)
      return refuse(load_failure::unreadable,
                    fmt::format("`{}` has no header: its first line must name the columns, or "
                                "say `\"header\": false`",
                                settings_.path));
    if (found == csv_records::outcome::bad)
      return refuse(load_failure::unreadable,
                    fmt::format("{}: {}", place(records_.line()), records_.problem()));
    auto good = decoder.read_header(records_.text());
    if (good)
      return std::nullopt;
    return refused_csv{load_failure::unreadable,
                       fmt::format("{}: {}", place(records_.line()), good.error().message)};
  }

  outcome read_row(record_decoder& decoder, csv_records::outcome found) {
    if (found == csv_records::outcome::bad)
      return add_bad(records_.line(), records_.problem(), records_.text());
    auto record = records_.text();
    if (records_.line() == 1 && record.substr(0, 3) == "\xef\xbb\xbf")
      record.remove_prefix(3);
    // A row of a table has no time; what is said here is not kept.
    auto decoded = decoder.decode(record, event_time{}, rows_);
    if (!decoded)
      return add_bad(records_.line(), decoded.error().message, record);
    lines_.push_back(records_.line());
    return lines_.size() == rows_at_once ? keep_rows() : std::nullopt;
  }

  /// Puts the rows decoded into the table.
  outcome keep_rows() {
    if (lines_.empty())
      return std::nullopt;
    auto rows = rows_.build();
    outcome refused;
    for (size_t i = 0; i < rows->size() && !refused; ++i)
      refused = keep(rows->row(i), lines_[i]);
    lines_.clear();
    return refused;
  }

  outcome keep(std::span<const cell> row, uint64_t line) {
    switch (table_.add(row)) {
    case table_builder::outcome::added:
      break;
    case table_builder::outcome::replaced:
      ++made_.duplicate_keys;
      break;
    case table_builder::outcome::null_key:
      return add_bad(line, "the key is null", {});
    case table_builder::outcome::long_text:
      return add_bad(
          line, fmt::format("a text has more than {} bytes", table_snapshot::max_text_bytes), {});
    case table_builder::outcome::too_many_rows:
      return refuse(load_failure::too_many_rows,
                    fmt::format("`{}` has more than {} rows: raise the table's `max_rows`, or "
                                "leave out what is not looked up",
                                settings_.path, settings_.bounds.max_rows));
    case table_builder::outcome::too_many_bytes:
      return refuse(load_failure::too_many_bytes,
                    fmt::format("from line {} on, `{}` needs more than {} bytes of memory: raise "
                                "the table's `max_memory`, or declare fewer fields",
                                line, settings_.path, settings_.bounds.max_bytes));
    }
    return std::nullopt;
  }

  outcome add_bad(uint64_t line, std::string reason, std::string_view text) {
    if (made_.bad_rows.size() >= settings_.max_bad_rows)
      return refuse(load_failure::too_many_bad_rows,
                    fmt::format("more than {} rows of `{}` cannot be read, the last of them at "
                                "line {}: {}; mend the file, or raise the table's `max_bad_rows`",
                                settings_.max_bad_rows, settings_.path, line, reason));
    made_.bad_rows.push_back({"table " + settings_.held->name(), place(line), std::move(reason),
                              std::string{text.substr(0, kept_payload_bytes)}});
    return std::nullopt;
  }

  const csv_table_settings& settings_;
  csv_records records_;
  event_batch_builder rows_;
  std::vector<uint64_t> lines_; // of those rows
  table_builder table_;
  loaded_csv made_;
};

} // namespace

tl::expected<loaded_csv, refused_csv> load_csv(const csv_table_settings& settings, int descriptor) {
  return csv_loader{settings, descriptor}.load();
}

} // namespace keyfold
