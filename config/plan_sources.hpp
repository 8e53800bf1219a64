#pragma once

#include "features/cell.hpp"
#include "features/stream_schema.hpp"
#include "features/table.hpp"
#include "features/table_slot.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// Of a plan: where streams and tables come from.
namespace keyfold::config {

/// How a record's bytes become columns.
enum class record_format : uint8_t { json, csv, text, avro };

/// How to reach a schema registry.
struct registry_settings {
  std::string url; ///< all that stands before `/schemas/ids`
  std::string username;
  std::string password;
  std::string token;          ///< instead of the two: a bearer's
  std::string ca_certificate; ///< file; empty: the system's
  std::string client_certificate;
  std::string client_key;
  std::chrono::milliseconds timeout{10'000};
  std::chrono::milliseconds forget_missing{10'000};
};

/// Of `record_format::avro`: where schemas come from, and the reader's side of their resolution.
struct avro_settings {
  struct column {
    std::vector<std::string> aliases;
    std::optional<std::string> missing; ///< what a schema without the field gives
    std::vector<std::string> symbols;
  };
  std::optional<registry_settings> registry; ///< records are framed; or
  std::string schema_file;                   ///< all have this schema,
  std::optional<uint32_t> schema_id;         ///< framed with this number or not framed
  std::map<std::string, column> columns;
};

/// Of `record_format::text`: `key=value;key=value`. Of csv: the delimiter, and the columns when the
/// file has no header.
struct format_settings {
  record_format format = record_format::json;
  char part_separator = ';';
  char value_separator = '=';
  char delimiter = ',';
  std::vector<std::string> columns;
  bool header = true;
  avro_settings avro;
};

struct kafka_source {
  std::string brokers;
  std::vector<std::string> topics; ///< or
  std::string topic_pattern;       ///< a regular expression for the whole name
  enum class start : uint8_t { earliest, latest, timestamp } start = start::earliest;
  event_time start_at = beginning_of_time;
  /// What to do when the records at the ledger's position are gone.
  enum class missing : uint8_t { refuse, earliest, latest } on_missing = missing::refuse;
  /// In event time: a partition further ahead of the one furthest behind is not read meanwhile.
  duration max_lead = std::chrono::minutes{1};
  std::string group;       ///< default: application-stream
  std::string instance_id; ///< of a static member; empty: a dynamic one
  bool bounded = false;    ///< the stream ends where the topics end when they are first assigned
  std::map<std::string, std::string> properties; ///< librdkafka's, passed through
};
/// A basin of S2, and how to reach it.
struct s2_basin {
  std::string endpoint; ///< `{basin}` in it becomes the basin's name
  std::string basin;
  std::string token;
  std::string ca_certificate; ///< file; empty: the system's
  std::string client_certificate;
  std::string client_key;
  std::chrono::milliseconds timeout{10'000};
};
struct s2_source {
  s2_basin basin;
  std::vector<std::string> streams;  ///< and
  std::optional<std::string> prefix; ///< of names
  enum class start : uint8_t { first, tail, timestamp } start = start::first;
  event_time start_at = beginning_of_time;
  /// What to do when the records at the ledger's position are gone.
  enum class missing : uint8_t { refuse, first, tail } on_missing = missing::refuse;
  /// In event time: a stream further ahead of the one furthest behind is not read meanwhile.
  duration max_lead = std::chrono::minutes{1};
  std::chrono::milliseconds discover_every{30'000};
  std::chrono::milliseconds patience{60'000}; ///< with one stream that fails while others work
  uint64_t prefetch_bytes = 64u << 20;
  uint32_t max_streams = 1000;
  bool bounded = false; ///< the stream ends where the basin's streams end when they are found
};
struct file_source {
  std::string path;    ///< a file, or a directory of files read in the order of their names
  bool follow = false; ///< go on waiting for more lines: the stream has no end
};
struct stdin_source {};
struct http_push_source {
  size_t max_pending_rows = 100'000;
};

/// Of a derived stream: the view that emits its events.
struct view_source {
  std::string view;
};

struct stream_plan {
  std::shared_ptr<const stream_schema> schema;
  std::variant<kafka_source, s2_source, file_source, stdin_source, http_push_source, view_source>
      source;
  format_settings format;
};

/// Of a table: a CSV file, loaded again when it changes.
struct csv_table {
  std::string path;
  format_settings format;
  std::chrono::milliseconds settle{500}; ///< a file that changed must have been still for so long
  uint64_t max_bad_rows = 1000;          ///< beyond, the file is refused as a whole
};

/// Of a table: one of PostgreSQL, asked for keys when they are needed, or copied and kept current.
struct postgres_table {
  std::string url; ///< as libpq reads it
  std::string password;
  std::string table; ///< as in SQL
  enum class mode : uint8_t { on_demand, replicated } mode = mode::on_demand;
  std::chrono::milliseconds timeout{10'000};
  // on demand
  std::chrono::milliseconds keep{60'000};         ///< a row that was found
  std::chrono::milliseconds keep_missing{10'000}; ///< that there is none
  // replicated
  std::string slot;        ///< of replication; default: keyfold_APPLICATION_TABLE
  std::string publication; ///< default: the same
};

struct table_plan {
  std::shared_ptr<table> held; ///< what readers of the table hold, of a CSV file; else
  std::shared_ptr<table_slot> slot;
  std::shared_ptr<const stream_schema> schema; ///< of its rows: how the columns are decoded
  std::variant<csv_table, postgres_table> source;
  table_bounds bounds;
  std::vector<std::string> views; ///< that read it themselves, besides the lookups of streams

  /// What readers look up in.
  std::shared_ptr<lookup_table> looked_up() const {
    return slot != nullptr ? std::static_pointer_cast<lookup_table>(slot) : held;
  }
};

} // namespace keyfold::config
