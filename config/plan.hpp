#pragma once

#include "config/plan_outputs.hpp"
#include "config/plan_sources.hpp"
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
