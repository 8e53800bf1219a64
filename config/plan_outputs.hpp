#pragma once

#include "config/plan_sources.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

/// Of a plan: where changes go.
namespace keyfold::config {

struct output_format {
  enum class kind : uint8_t { json, csv, avro } is = kind::json;
  std::string list_separator;    ///< of csv: between the items of a list; empty: lists are JSON
  std::string timestamp_pattern; ///< of json and csv; empty: RFC 3339
};

/// Of `output_format::kind::avro`.
struct avro_output {
  std::optional<registry_settings> registry;
  std::string name_space = "keyfold"; ///< of the schemas' names
  bool create = true;                 ///< register schemas that are not there
};

struct kafka_output {
  std::string brokers;
  std::string topic;
  std::string transactional_id; ///< default: application-output
  bool create_topic = true;     ///< if it is missing
  uint32_t partitions = 4;      ///< of a topic that is created
  std::map<std::string, std::string> properties;
};
struct s2_output {
  s2_basin basin;
  std::string stream;
  std::string transactional_id; ///< default: application-output
  bool upsert = true;           ///< with the headers @key and @action, or only bodies
  bool create_stream = true;    ///< if it is missing
  bool event_time = false;      ///< is the records' timestamp, or their arrival
};
struct file_output {
  std::string path;   ///< JSON lines or CSV, appended to
  bool header = true; ///< of CSV: the first line names the columns
  bool sync = true;   ///< to the disk, before an epoch counts as published
  /// A part of the output ends when one of these is reached; all 0: there is one file, `path`.
  struct rotation {
    uint64_t size = 0;
    std::chrono::milliseconds every{0};
    uint32_t keep = 0; ///< parts, the newest; 0: all
  } rotate;
};
struct sqlite_output {
  std::string path;
  std::string table;        ///< default: the view's or stream's name
  bool create_table = true; ///< if it is missing
  std::chrono::milliseconds lock_wait{5000};
};

/// A table of PostgreSQL.
struct postgres_output {
  std::string url; ///< as libpq reads it
  std::string password;
  std::string table;        ///< as in SQL
  std::string marker_table; ///< likewise; empty: keyfold_epochs beside the table
  bool create_table = false;
  uint32_t batch_rows = 5000; ///< a statement
  std::chrono::milliseconds timeout{30'000};
};

/// An attribute of a DynamoDB item, or a member of a map in it.
struct dynamodb_part {
  enum class kind : uint8_t { column, columns, text, number, map } is = kind::column;
  std::string name;
  std::vector<std::string> columns; ///< of `column` one, of `columns` those joined as a key's text
  std::string literal;              ///< of `text` and `number`
  std::vector<dynamodb_part> parts; ///< of `map`
};
struct aws_credentials {
  enum class from : uint8_t { anywhere, given, environment, file, container, instance };
  from where = from::anywhere;
  std::string profile; ///< of `file`
  std::string access_key;
  std::string secret_key;
  std::string session_token;
};
struct dynamodb_output {
  std::string region;
  std::string endpoint; ///< URL; empty: AWS's of the region
  aws_credentials credentials;
  std::string ca_certificate;
  std::chrono::milliseconds timeout{10'000};
  std::string table;
  bool create_table = false;
  std::string partition_key;
  std::string sort_key;            ///< empty: the table has none
  std::vector<dynamodb_part> item; ///< empty: the key columns, then the value's
  std::string version;             ///< the attribute that holds the epoch; empty: none does
  enum class timestamps : uint8_t { rfc3339, seconds, milliseconds, microseconds };
  timestamps written_as = timestamps::rfc3339;
  uint32_t max_in_flight = 8;
  std::string marker_table; ///< empty: there is no marker
};
struct webhook_output {
  std::string url;
  bool put = false; ///< PUT instead of POST
  std::vector<std::pair<std::string, std::string>> headers;
  std::string key_header = "Idempotency-Key";
  std::string token; ///< a bearer's
  std::string ca_certificate;
  std::string client_certificate;
  std::string client_key;
  std::chrono::milliseconds timeout{10'000};
  uint32_t batch_rows = 100;
  uint64_t batch_bytes = 1u << 20;
  uint32_t max_in_flight = 1;
};

struct output_plan {
  /// A field of the value, and the column it is written of.
  struct field {
    std::string name;
    std::string column;
  };

  std::string name;
  std::vector<std::string> views;   ///< whose changes it receives, or
  std::vector<std::string> streams; ///< whose events; each is emitted by a view
  std::vector<std::string> key;     ///< of streams: the columns that records are keyed by
  std::vector<field> fields;        ///< of the value; empty: a view's values, a stream's columns
  bool every_change = false;        ///< not only the last per key and epoch
  output_format key_format;
  output_format value_format;
  avro_output avro;
  std::variant<kafka_output, s2_output, file_output, postgres_output, sqlite_output,
               dynamodb_output, webhook_output>
      target;
  uint64_t max_pending_bytes = 256u << 20; ///< of unpublished changes; beyond: the sources wait
};

} // namespace keyfold::config
