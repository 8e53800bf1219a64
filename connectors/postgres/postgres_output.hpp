#pragma once

#include "connectors/postgres/connection.hpp"
#include "connectors/postgres/output_metrics.hpp"
#include "connectors/postgres/row_batch.hpp"
#include "messages/dead_letter_queue.hpp"
#include "messages/event_output.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace keyfold::postgres {

/// Where changes go, and how. Plain data.
struct output_settings {
  std::string name;     ///< of the output, for messages and metrics
  std::string pipeline; ///< the application: with `name` the key of the marker's row
  connection_settings connection;
  std::string table;        ///< as in SQL, with or without a schema
  std::string marker_table; ///< likewise; empty: keyfold_epochs in the table's schema
  bool create_table = false;
  uint32_t batch_rows = 5000; ///< a statement
  change_columns columns;
};

/// Writes changes into a table: upserts and deletes by key, or, of events without a key, inserts.
/// Exactly once: the transaction of an epoch also moves a row (pipeline, output, epoch) from the
/// epoch before, and `open` reads it. A row that the server refuses by itself becomes a dead
/// letter, which is in the ledger before the transaction is committed. See
/// docs/connectors/postgres.md.
class postgres_output final : public event_output {
public:
  /// @pre `check_settings` and `written_columns` take the settings
  postgres_output(output_settings settings, std::shared_ptr<metrics_registry> registry,
                  std::shared_ptr<dead_letter_queue> letters);
  ~postgres_output() override;

  result<uint64_t> open() override;
  result<void> publish(uint64_t epoch, std::string_view log) override;
  bool fatal() const override { return fatal_; }
  component_status status() const override;
  void interrupt() noexcept override { interrupted_.raise(); }

private:
  /// A change that was refused by itself.
  struct refusal {
    uint64_t number;
    std::string reason;
  };
  /// What became of the changes of a transaction.
  struct tally {
    size_t upserts = 0;
    size_t deletes = 0;
    size_t replaced = 0;
  };

  outcome<uint64_t> open_table();
  outcome<void> prepare_table();
  outcome<uint64_t> read_marker();

  outcome<void> write(uint64_t epoch, std::string_view log);
  /// All at once, in a pipeline.
  outcome<void> write_fast(std::string_view log);
  outcome<void> fill_pipeline(std::string_view log);
  outcome<void> send_batch();
  outcome<void> read_answers(size_t leave);
  /// Step by step; refused rows are left out.
  outcome<void> write_slow(uint64_t epoch, std::string_view log);
  outcome<void> write_part(size_t first, size_t last);
  outcome<void> try_part(size_t first, size_t last);
  outcome<void> run_statement(const char* name, const std::vector<std::string>& arrays);
  outcome<void> hand_over(uint64_t epoch, std::string_view log);
  std::vector<dead_letter> letters_of(uint64_t epoch, std::string_view log) const;

  /// Adds the changes of `log` to the batch, and calls `full` whenever that is full, and at the
  /// end.
  outcome<void> each_batch(std::string_view log, const std::function<outcome<void>()>& full);
  outcome<void> check_moved(const result_ptr& marker) const;
  std::vector<parameter> marker_parameters() const;
  tl::unexpected<failure> refuse(std::string message);
  template <class T>
  result<T> report(outcome<T> done);

  output_settings settings_;
  std::vector<written_column> wanted_;
  output_metrics metrics_;
  std::shared_ptr<dead_letter_queue> queue_;
  interruption interrupted_;
  connection connection_;
  std::string marker_table_; ///< as in SQL, once known
  uint64_t marker_ = 0;      ///< the epoch that the server holds
  bool has_deletes_ = false;
  std::unique_ptr<row_batch> batch_;
  std::string epoch_text_;  ///< of the epoch being written
  std::string marker_text_; ///< of the one before
  size_t unanswered_ = 0;   ///< statements in the pipeline
  size_t answered_ = 0;
  tally tally_;
  std::vector<refusal> refusals_;
  uint64_t lettered_epoch_ = 0; ///< whose dead letters are in the ledger
  bool fatal_ = false;

  mutable std::mutex status_mutex_;
  component_status status_{false, "not opened yet"};
};

/// Makes one; an error is a sentence about the settings. Connects to nothing yet.
result<std::unique_ptr<event_output>>
make_postgres_output(output_settings settings, std::shared_ptr<metrics_registry> registry,
                     std::shared_ptr<dead_letter_queue> letters);

} // namespace keyfold::postgres
