#pragma once

#include "connectors/postgres/change_reader.hpp"
#include "connectors/postgres/transaction_steps.hpp"
#include "messages/dead_letter_queue.hpp"
#include "messages/table_source.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace keyfold::postgres {

struct replication_settings {
  table_settings table;
  table_bounds bounds;
  std::string slot;
  std::string publication;
  /// How often, while changes come, the catalogue is asked whether the table is what it was.
  std::chrono::milliseconds look_every{30'000};
};

/// The metrics of a replicated table. Thread-safe.
struct replication_metrics {
  replication_metrics(metrics_registry& registry, const std::string& table);

  prometheus::Counter& changes;
  prometheus::Counter& snapshots;
  prometheus::Counter& resumes;
  prometheus::Counter& failures;
  prometheus::Counter& refused_rows;
  prometheus::Counter& bad_rows;
  prometheus::Counter& waits;
  prometheus::Counter& parts;
  prometheus::Gauge& rows;
  prometheus::Gauge& bytes;
  prometheus::Gauge& lag;
};

/// A table of PostgreSQL, copied and kept current by logical replication: a change that is
/// committed there counts for the next row. The copy is kept in the ledger with its position, and
/// the slot goes on there after a restart, also after `kill -9`; where it cannot, the table is read
/// anew. See docs/connectors/postgres.md.
class replicated_table final : public table_source {
public:
  replicated_table(replication_settings settings, std::shared_ptr<table_copy> held,
                   std::shared_ptr<metrics_registry> registry,
                   std::shared_ptr<dead_letter_queue> letters);
  ~replicated_table() override;

  /// Waits 60 s at most for a server that is away.
  result<void> load() override;
  void start() override;
  void stop() override;
  kept_table* kept() noexcept override { return held_.get(); }

private:
  using clock = std::chrono::steady_clock;

  outcome<void> begin();
  outcome<void> find_server();
  outcome<void> find_table();
  outcome<std::string> catalogued(connection& with);
  outcome<void> look();
  outcome<void> look_again();
  outcome<bool> can_resume();
  outcome<void> drop_slot();
  outcome<void> ensure_publication();
  outcome<void> read_all();
  outcome<void> fetch_rows(const catalog_table& from, std::vector<table_copy::step>& rows);
  void take_rows(const PGresult* from, std::vector<table_copy::step>& to);
  outcome<void> start_streaming();
  void follow();
  outcome<void> follow_once();
  outcome<void> handle(const pgoutput::log_data& x);
  outcome<void> handle_change(const pgoutput::message& x);
  void put(const pgoutput::row& now, const change_reader::old_row& old);
  std::optional<std::string> erase(const pgoutput::row& before, bool wanted);
  outcome<void> update(const pgoutput::update& x);
  void bad_row(const std::string& why);
  void commit(pgoutput::lsn end);
  void reach(pgoutput::lsn position);
  void apply(pgoutput::lsn before);
  bool has_room();
  outcome<void> answer();
  std::string identity() const;

  replication_settings settings_;
  std::shared_ptr<table_copy> held_;
  std::shared_ptr<metrics_registry> registry_;
  std::shared_ptr<dead_letter_queue> queue_;
  replication_metrics metrics_;
  interruption interrupted_;
  connection connection_;
  change_reader reader_;
  bool read_anew_ = false;       ///< neither the slot nor the copy can be gone on with
  std::string server_;           ///< its system identifier, and the timeline of its log
  pgoutput::lsn server_end_ = 0; ///< of its log
  uint32_t table_number_ = 0;    ///< in the catalogue
  std::string catalogued_;       ///< what else the catalogue says: of another the copy is not
  std::vector<dead_letter> letters_;
  transaction_steps steps_;
  bool in_transaction_ = false;
  pgoutput::lsn commit_ = 0;   ///< of the transaction under way
  bool replayed_ = false;      ///< the copy may hold changes of it, or of later ones, already
  pgoutput::lsn position_ = 0; ///< all before it is in the copy
  bool waits_ = false;         ///< for the ledger
  clock::time_point answered_at_;
  clock::time_point looked_at_;
  bool following_ = false; ///< in the thread: epochs are made, which take letters
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

} // namespace keyfold::postgres
