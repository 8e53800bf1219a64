#include "connectors/sqlite/sqlite_output.hpp"

#include "connectors/formats/rejected_rows.hpp"
#include "connectors/sqlite/cell_binder.hpp"
#include "connectors/sqlite/database.hpp"
#include "connectors/sqlite/target_table.hpp"

#include <fmt/format.h>

#include <atomic>
#include <mutex>
#include <utility>

namespace keyfold::sqlite {

namespace {

constexpr auto create_epochs = "CREATE TABLE IF NOT EXISTS keyfold_epochs "
                               "(pipeline TEXT PRIMARY KEY, epoch INTEGER NOT NULL) WITHOUT ROWID";

/// Whether SQLite refuses the row itself, which it would at every attempt.
bool refuses_row(int code) {
  auto primary = code & 0xff;
  return primary == SQLITE_CONSTRAINT || primary == SQLITE_MISMATCH || primary == SQLITE_TOOBIG;
}

class sqlite_output final : public event_output {
public:
  sqlite_output(output_settings settings, target_table table,
                std::shared_ptr<dead_letter_queue> letters, metrics_registry& metrics)
      : settings_(std::move(settings)), table_(std::move(table)),
        rejected_(settings_.name, {settings_.columns}, std::move(letters), metrics),
        written_(make_counter(metrics, "keyfold_sqlite_output_rows_total",
                              "Rows upserted, appended or deleted, as committed.",
                              {{"output", settings_.name}})) {}

  result<uint64_t> open() override { return report(open_file()); }
  result<void> publish(uint64_t epoch, std::string_view log) override;
  bool fatal() const override { return fatal_; }
  component_status status() const override {
    std::lock_guard guard{status_mutex_};
    return status_;
  }
  void interrupt() noexcept override {
    interrupted_ = true;
    rejected_.interrupt();
  }

private:
  result<uint64_t> open_file();
  result<uint64_t> read_marker();
  result<void> make_tables();
  result<void> prepare();
  result<void> write_epoch(uint64_t epoch, std::string_view log);
  result<void> settle_letters(uint64_t epoch);
  result<void> write_rows(uint64_t epoch, std::string_view log);
  result<void> write_row(uint64_t epoch, const change& x);
  result<void> write_marker(uint64_t epoch);
  void close() noexcept;
  error named(error x) const { return {fmt::format("output `{}`: {}", settings_.name, x.message)}; }
  tl::unexpected<error> refuse(const std::string& message) {
    fatal_ = true;
    return fail(message);
  }
  template <class T>
  result<T> report(result<T> outcome) {
    if (!outcome) {
      close();
      outcome = tl::unexpected{named(outcome.error())};
    }
    std::lock_guard guard{status_mutex_};
    status_ = outcome ? component_status{} : component_status{false, outcome.error().message};
    return outcome;
  }

  output_settings settings_;
  target_table table_;
  rejected_rows rejected_;
  prometheus::Counter& written_;
  std::unique_ptr<database> database_;
  statement write_, delete_, mark_;
  cell_binder binder_;
  uint64_t marker_ = 0;
  uint64_t rows_ = 0;                      ///< written of the epoch under way
  std::pair<uint64_t, size_t> lettered_{}; ///< an epoch, and how many rows it leaves out that have
                                           ///< their dead letters in the ledger
  bool fatal_ = false;
  std::atomic<bool> interrupted_{false};
  mutable std::mutex status_mutex_;
  component_status status_{false, "not opened yet"};
};

void sqlite_output::close() noexcept {
  write_ = {};
  delete_ = {};
  mark_ = {};
  database_.reset(); // rolls back what is open
}

result<uint64_t> sqlite_output::open_file() {
  close();
  fatal_ = false;
  auto opened =
      database::open(settings_.path, settings_.create_table, settings_.lock_wait, &interrupted_);
  if (!opened)
    return tl::unexpected{opened.error()};
  database_ = std::move(*opened);
  if (auto made = make_tables(); !made)
    return tl::unexpected{made.error()};
  if (auto checked = check_table(*database_, table_); !checked)
    return tl::unexpected{checked.error()};
  if (auto prepared = prepare(); !prepared)
    return tl::unexpected{prepared.error()};
  return marker_;
}

/// Makes the marker's table and, if it may, the target; reads the marker.
result<void> sqlite_output::make_tables() {
  constexpr auto doing = "making its tables";
  auto there = exists(*database_, table_);
  if (!there)
    return tl::unexpected{there.error()};
  // A file that is made here is read while it is written. It cannot be said within a transaction.
  auto empty = statement::prepare(*database_, "SELECT count(*) FROM sqlite_schema", doing);
  if (!empty)
    return tl::unexpected{empty.error()};
  if (auto row = empty->step(doing); row && *row && empty->number(0) == 0) {
    empty->reset();
    if (auto set = database_->run("PRAGMA journal_mode = WAL", doing); !set)
      return set;
  }
  empty->reset();
  auto done = database_->run("PRAGMA synchronous = FULL; BEGIN IMMEDIATE", doing);
  if (done)
    done = database_->run(create_epochs, doing);
  if (!done)
    return done;
  auto marker = read_marker();
  if (!marker)
    return tl::unexpected{marker.error()};
  marker_ = *marker;
  if (!*there && !settings_.create_table)
    return fail(fmt::format("`{}` has no table `{}`, and `create_table` is false: {}",
                            settings_.path, table_.name, create_statement(table_)));
  if (!*there && marker_ > 0)
    return fail(fmt::format("`{0}` has no table `{1}` any more, which had the changes up to epoch "
                            "{2}: restore it; or, to go on with an empty one: DELETE FROM "
                            "keyfold_epochs WHERE pipeline = '{3}'",
                            settings_.path, table_.name, marker_, settings_.pipeline));
  if (!*there)
    done = database_->run(create_statement(table_), doing);
  return done ? database_->run("COMMIT", doing) : done;
}

/// The epoch that the file has of this pipeline; its row is made if it is missing.
result<uint64_t> sqlite_output::read_marker() {
  constexpr auto doing = "reading the marker";
  auto add = statement::prepare(
      *database_, "INSERT INTO keyfold_epochs VALUES (?1, 0) ON CONFLICT DO NOTHING", doing);
  if (!add)
    return tl::unexpected{add.error()};
  sqlite3_bind_text(add->handle(), 1, settings_.pipeline.c_str(), -1, SQLITE_STATIC);
  if (auto added = add->step(doing); !added)
    return tl::unexpected{added.error()};
  auto read =
      statement::prepare(*database_, "SELECT epoch FROM keyfold_epochs WHERE pipeline = ?1", doing);
  if (!read)
    return tl::unexpected{read.error()};
  sqlite3_bind_text(read->handle(), 1, settings_.pipeline.c_str(), -1, SQLITE_STATIC);
  if (auto row = read->step(doing); !row)
    return tl::unexpected{row.error()};
  return static_cast<uint64_t>(read->number(0));
}

result<void> sqlite_output::prepare() {
  constexpr auto doing = "preparing to write";
  auto set = [&](statement& to, const std::string& sql) -> result<void> {
    auto made = statement::prepare(*database_, sql, doing);
    if (!made)
      return tl::unexpected{made.error()};
    to = std::move(*made);
    return {};
  };
  auto done = set(write_, write_statement(table_));
  if (done && table_.columns.key > 0)
    done = set(delete_, delete_statement(table_));
  if (done)
    done = set(mark_, "UPDATE keyfold_epochs SET epoch = ?1 WHERE pipeline = ?2 AND epoch = ?3");
  return done;
}

result<void> sqlite_output::publish(uint64_t epoch, std::string_view log) {
  return report(write_epoch(epoch, log));
}

result<void> sqlite_output::write_epoch(uint64_t epoch, std::string_view log) {
  if (database_ == nullptr)
    return fail(fmt::format("`{}` is not open", settings_.path));
  if (epoch <= marker_)
    return refuse(fmt::format("epoch {} cannot follow epoch {}, which `{}` holds already: is the "
                              "ledger older than the file?",
                              epoch, marker_, settings_.path));
  for (;;) {
    if (auto begun = database_->run("BEGIN IMMEDIATE", "beginning a transaction"); !begun)
      return begun;
    if (auto written = write_rows(epoch, log); !written)
      return written;
    if (rejected_.size() == 0 || lettered_ == std::pair{epoch, rejected_.size()})
      break;
    if (auto settled = settle_letters(epoch); !settled)
      return settled;
  }
  if (auto marked = write_marker(epoch); !marked)
    return marked;
  auto committed = database_->run("COMMIT", "committing");
  if (committed) {
    marker_ = epoch;
    written_.Increment(static_cast<double>(rows_));
  }
  return committed;
}

/// The epoch is begun again, so that nobody waits for its locks, once the dead letters of the rows
/// that it leaves out are in the ledger: else a crash behind its commit would lose them.
result<void> sqlite_output::settle_letters(uint64_t epoch) {
  if (auto rolled = database_->run("ROLLBACK", "setting rows aside"); !rolled)
    return rolled;
  auto count = rejected_.size();
  {
    std::lock_guard guard{status_mutex_};
    status_ = {false, named({fmt::format("{} rows of epoch {} were refused, and wait for their "
                                         "dead letters to be in the ledger",
                                         count, epoch)})
                          .message};
  }
  auto settled = rejected_.settle();
  if (settled)
    lettered_ = {epoch, count};
  return settled;
}

result<void> sqlite_output::write_rows(uint64_t epoch, std::string_view log) {
  rows_ = 0;
  rejected_.forget();
  change_log_reader changes{log};
  change x;
  while (changes.next(x)) {
    if (x.source != 0 || !fits(x, settings_.columns))
      return refuse(
          fmt::format("a change of epoch {} does not fit the columns of this definition", epoch));
    if (interrupted_)
      return fail(fmt::format("stopped while writing epoch {}; the ledger has it", epoch));
    if (auto written = write_row(epoch, x); !written)
      return written;
  }
  if (!changes.good())
    return refuse(fmt::format("the ledger's changes of epoch {} are malformed", epoch));
  return {};
}

result<void> sqlite_output::write_row(uint64_t epoch, const change& x) {
  auto& to = x.erased ? delete_ : write_;
  auto columns = x.erased ? table_.columns.of_key() : std::span{table_.columns.all};
  auto code = binder_.bind(to.handle(), columns, x);
  if (code == SQLITE_OK)
    code = sqlite3_step(to.handle());
  if (code == SQLITE_DONE) {
    to.reset();
    ++rows_;
    return {};
  }
  // A constraint may be declared to end the whole transaction.
  if (!refuses_row(code) || !database_->in_transaction())
    return tl::unexpected{database_->failure(fmt::format("writing epoch {}", epoch))};
  rejected_.add(epoch, x,
                fmt::format("table `{}` of `{}` refuses the row: {}", table_.name, settings_.path,
                            sqlite3_errmsg(database_->handle())));
  to.reset();
  return {};
}

result<void> sqlite_output::write_marker(uint64_t epoch) {
  sqlite3_bind_int64(mark_.handle(), 1, static_cast<int64_t>(epoch));
  sqlite3_bind_text(mark_.handle(), 2, settings_.pipeline.c_str(), -1, SQLITE_STATIC);
  sqlite3_bind_int64(mark_.handle(), 3, static_cast<int64_t>(marker_));
  auto done = mark_.step("writing the marker");
  if (!done)
    return tl::unexpected{done.error()};
  mark_.reset();
  if (sqlite3_changes(database_->handle()) == 1)
    return {};
  return refuse(fmt::format("another program writes to `{}` as the pipeline `{}`: only one may; "
                            "give this output or application another name, or stop the other one",
                            settings_.path, settings_.pipeline));
}

} // namespace

result<std::unique_ptr<event_output>>
make_sqlite_output(output_settings settings, std::shared_ptr<dead_letter_queue> letters,
                   const std::shared_ptr<metrics_registry>& metrics) {
  auto columns = table_columns_of(settings.columns);
  if (!columns)
    return fail(fmt::format("output `{}`: {}", settings.name, columns.error().message));
  target_table table{settings.table, std::move(*columns)};
  return std::make_unique<sqlite_output>(std::move(settings), std::move(table), std::move(letters),
                                         *metrics);
}

} // namespace keyfold::sqlite
