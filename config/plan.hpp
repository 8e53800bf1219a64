#pragma once

#include "features/entity.hpp"
#include "features/on_demand.hpp"
#include "features/result.hpp"
#include "features/stream_schema.hpp"
#include "features/table.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// What a definition file says, validated and compiled. Plain data: the program hands each part to
/// the component it is for.
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
  std::variant<kafka_source, file_source, stdin_source, http_push_source, view_source> source;
  format_settings format;
};

/// Of a table: a CSV file, loaded again when it changes.
struct csv_table {
  std::string path;
  format_settings format;
  std::chrono::milliseconds settle{500}; ///< a file that changed must have been still for so long
  uint64_t max_bad_rows = 1000;          ///< beyond, the file is refused as a whole
};

struct table_plan {
  std::shared_ptr<table> held;                 ///< what readers of the table hold
  std::shared_ptr<const stream_schema> schema; ///< of its rows: how the columns are decoded
  std::variant<csv_table> source;
  table_bounds bounds;
};

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
struct file_output {
  std::string path; ///< JSON lines or CSV, appended to
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
  std::variant<kafka_output, file_output> target;
  uint64_t max_pending_bytes = 256u << 20; ///< of unpublished changes; beyond: the sources wait
};

struct service_plan {
  struct item {
    std::string view;
    std::string feature;
  };
  std::string name;
  std::vector<item> features;
};

/// Features computed when they are read, from others of the entity and what the request says.
struct on_demand_plan {
  std::string name;
  std::string entity;
  std::vector<service_plan::item> sources;
  std::vector<column> parameters;
  std::vector<on_demand_view::feature> features; ///< over the sources, then the parameters
};

struct serving_plan {
  bool enabled = true;
  std::string address = "127.0.0.1";
  uint16_t port = 8080;        ///< 0: any free one
  std::string metrics_address; ///< empty: on the main port
  uint16_t metrics_port = 0;
  uint32_t threads = 1;
  uint32_t max_connections = 1024;
  uint32_t max_connections_per_address = 1024;
  uint64_t max_body_bytes = 1u << 20;
  uint32_t max_keys_per_request = 1000;
  std::chrono::milliseconds header_timeout{10'000};
  std::chrono::milliseconds body_timeout{30'000};
  std::chrono::milliseconds idle_timeout{60'000};
  std::chrono::milliseconds write_timeout{30'000};
  std::chrono::milliseconds drain_timeout{10'000};
  std::string tokens_file;     ///< bearer tokens' SHA-256; empty: no authentication
  std::string tls_certificate; ///< with tls_key: HTTPS
  std::string tls_key;
};

struct ledger_plan {
  std::string path;                              ///< of the SQLite file
  std::chrono::milliseconds epoch_interval{500}; ///< longer under load
  std::chrono::milliseconds max_epoch_interval{10'000};
  bool reset_changed_views = false; ///< or refuse to start when a view's definition has changed
};

struct limits_plan {
  uint32_t workers = 0;                         ///< threads that run actors; 0: one per core
  uint64_t max_in_flight_rows = 32'768;         ///< read but not folded
  uint64_t max_resident_keys = 0;               ///< 0: no bound
  uint64_t max_resident_bytes = 0;              ///< 0: no bound
  std::chrono::milliseconds passivate_after{0}; ///< wall clock without a row or read; 0: never
  uint64_t max_key_bytes = 1024;
};

struct plan {
  std::string application;
  std::vector<stream_plan> streams;
  std::vector<table_plan> tables;
  std::vector<std::shared_ptr<const entity_definition>> entities;
  std::vector<output_plan> outputs;
  std::optional<output_plan> dead_letter; ///< `views` is empty; without: a file beside the ledger
  std::vector<on_demand_plan> on_demand;
  std::vector<service_plan> services; ///< may name features of `on_demand`, too
  serving_plan serving;
  ledger_plan ledger;
  limits_plan limits;
};

/// All that is wrong with a definition, each a sentence that begins with `file:line:column: `.
struct plan_errors {
  std::vector<std::string> messages;
};

/// Reads, validates and compiles the definition in `text`.
/// @param file its name, for messages
/// @param environment resolves `${NAME}`; returns null for an unset variable
tl::expected<plan, plan_errors>
compile_plan(std::string_view text, const std::string& file,
             const std::function<std::optional<std::string>(const std::string&)>& environment);

/// The JSON Schema (draft 7) that definitions are validated against.
std::string_view definition_schema();

/// The graph of a plan for people: streams → entities and views → outputs; text for a terminal.
std::string explain_text(const plan& x);
/// The same as a Mermaid flowchart.
std::string explain_mermaid(const plan& x);

} // namespace keyfold::config
