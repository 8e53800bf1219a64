#pragma once

#include "connectors/postgres/replicated_table.hpp"
#include "kept_rows.hpp"
#include "users_table.hpp"

#include <catch2/catch.hpp>

namespace keyfold::postgres::test {

/// The table `users` of a schema, replicated, with all that it needs.
struct replicated {
  explicit replicated(const std::string& schema, table_bounds bounds = {},
                      std::chrono::milliseconds look_every = std::chrono::seconds{30})
      : settings{users(schema), bounds, schema + "_slot", schema + "_slot", look_every},
        copy(std::make_shared<table_copy>("users", columns_of(settings.table), settings.table.key,
                                          bounds)),
        source(std::make_unique<replicated_table>(settings, copy, registry, letters)) {}

  std::string load() {
    auto loaded = source->load();
    return loaded ? "" : loaded.error().message;
  }
  void start() {
    REQUIRE(load() == "");
    source->start();
  }
  /// As a new process with that ledger.
  void start(const kept_rows& ledger) {
    restore_to(*source->kept(), ledger);
    start();
  }
  /// Stops it as the engine does.
  void stop(kept_rows& ledger) {
    source->stop();
    keep(*source->kept(), ledger, 1u << 20, true);
  }

  replication_settings settings;
  std::shared_ptr<metrics_registry> registry = std::make_shared<metrics_registry>();
  std::shared_ptr<dead_letter_queue> letters = std::make_shared<dead_letter_queue>();
  std::shared_ptr<table_copy> copy;
  std::unique_ptr<replicated_table> source;
};

inline void drop_slot(const std::string& schema) {
  sql(fmt::format("SELECT pg_drop_replication_slot('{}_slot')", schema));
}

} // namespace keyfold::postgres::test
