#include "connectors/postgres/catalog.hpp"
#include "connectors/postgres/replicated_table.hpp"
#include "connectors/postgres/row_cache.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <utility>

/// Of the replicated table: how it begins, and begins again.
namespace keyfold::postgres {

namespace {

constexpr std::chrono::seconds load_patience{60};
constexpr std::chrono::milliseconds pause{500};
constexpr int rows_at_once = 10'000;
/// Of one reading: all are held until it is over.
constexpr size_t most_bad_rows = 10'000;

/// Whether an index sees to it.
bool one_row_per_key(const catalog_table& x, const table_settings& wanted) {
  auto in_key = [&](const std::string& column) {
    return std::any_of(wanted.key.begin(), wanted.key.end(), [&](auto field) {
      return column_of(wanted.schema->fields[field]) == column;
    });
  };
  return std::any_of(x.unique_keys.begin(), x.unique_keys.end(), [&](const auto& columns) {
    return std::all_of(columns.begin(), columns.end(), in_key);
  });
}

} // namespace

result<void> replicated_table::load() {
  std::string said;
  for (auto until = clock::now() + load_patience;;) {
    auto begun = begin();
    if (begun)
      return {};
    connection_.close();
    metrics_.failures.Increment();
    auto sentence = fmt::format("table `{}`: {}", settings_.table.name, begun.error().message);
    if (begun.error().kind == failure_kind::person || clock::now() >= until)
      return fail(std::move(sentence));
    if (sentence != said)
      spdlog::warn("{}; waiting", sentence);
    said = sentence;
    std::this_thread::sleep_for(pause);
  }
}

/// Connects; goes on at the position of the copy, or reads the table anew.
outcome<void> replicated_table::begin() {
  steps_.take();
  in_transaction_ = false;
  if (auto opened = connection_.open(); !opened)
    return opened;
  if (auto found = find_server(); !found)
    return found;
  if (auto found = find_table(); !found)
    return found;
  if (auto published = ensure_publication(); !published)
    return published;
  if (auto looked = look(); !looked)
    return looked;
  if (read_anew_)
    position_ = 0;
  else if (position_ == 0)
    position_ = held_->resume(identity()).value_or(0);
  auto resumes = can_resume();
  if (!resumes)
    return tl::unexpected{resumes.error()};
  if (*resumes) {
    metrics_.resumes.Increment();
    spdlog::info("table {}: {} rows, replication goes on at {}", settings_.table.name,
                 held_->rows(), pgoutput::lsn_text(position_));
  } else if (auto read = read_all(); !read) {
    return read;
  }
  metrics_.rows.Set(static_cast<double>(held_->rows()));
  metrics_.bytes.Set(static_cast<double>(held_->bytes()));
  return start_streaming();
}

/// Whether the slot still has everything after the copy's position. A slot that has not is removed.
outcome<bool> replicated_table::can_resume() {
  auto slot = connection_.run(
      fmt::format("SELECT confirmed_flush_lsn, coalesce(wal_status, 'reserved'), plugin FROM "
                  "pg_catalog.pg_replication_slots WHERE slot_name = {}",
                  quoted_text(settings_.slot)));
  if (!slot)
    return tl::unexpected{slot.error()};
  if (PQntuples(slot->get()) == 0)
    return false;
  auto confirmed = pgoutput::read_lsn(text_at(*slot, 0, 0));
  // The log of a server that was put back from an older copy may end before.
  if (position_ != 0 && position_ <= server_end_ && confirmed && *confirmed <= position_
      && text_at(*slot, 0, 1) != "lost")
    return true;
  if (text_at(*slot, 0, 2) != "pgoutput")
    return needs_person(fmt::format(
        "the replication slot `{}` is somebody else's: choose another `slot`", settings_.slot));
  spdlog::warn(
      "table {}: the slot `{}` cannot go on where the copy in the ledger ends: the table is read "
      "anew",
      settings_.table.name, settings_.slot);
  if (auto gone = drop_slot(); !gone)
    return tl::unexpected{gone.error()};
  return false;
}

/// Somebody else's is left alone.
outcome<void> replicated_table::drop_slot() {
  auto gone = connection_.run(
      fmt::format("SELECT pg_catalog.pg_drop_replication_slot(slot_name) FROM "
                  "pg_catalog.pg_replication_slots WHERE slot_name = {} AND plugin = 'pgoutput'",
                  quoted_text(settings_.slot)));
  return gone ? outcome<void>{} : tl::unexpected{gone.error()};
}

/// Reads the table as it was when the slot was made: nothing is missed, nothing comes twice.
outcome<void> replicated_table::read_all() {
  auto with = settings_.table.connection;
  connection plain{with, interrupted_};
  if (auto opened = plain.open(); !opened)
    return opened;
  catalog_table table;
  if (auto checked = check_table(plain, settings_.table, table); !checked)
    return tl::unexpected{checked.error()};
  if (!one_row_per_key(table, settings_.table))
    spdlog::warn("table {}: no unique index says that a key has one row: where it has several, one "
                 "of them is seen, and none once one of them is deleted",
                 settings_.table.name);
  auto begun = connection_.run("BEGIN READ ONLY ISOLATION LEVEL REPEATABLE READ");
  if (!begun)
    return tl::unexpected{begun.error()};
  auto slot = connection_.run(fmt::format(
      "CREATE_REPLICATION_SLOT {} LOGICAL pgoutput USE_SNAPSHOT", quoted_name(settings_.slot)));
  if (!slot)
    return tl::unexpected{slot.error()};
  auto position = pgoutput::read_lsn(text_at(*slot, 0, 1));
  if (!position)
    return needs_person("the server named no position for the new slot");
  std::vector<table_copy::step> rows;
  auto told = static_cast<ptrdiff_t>(letters_.size());
  if (auto read = fetch_rows(table, rows); !read) {
    letters_.erase(letters_.begin() + told, letters_.end()); // they come again
    return read;
  }
  if (auto ended = connection_.run("COMMIT"); !ended)
    return tl::unexpected{ended.error()};
  position_ = *position;
  // Bad rows are to be told of no later than the position after them is in the ledger.
  while (!letters_.empty() && queue_ != nullptr && !queue_->offer(letters_) && following_) {
    if (stopping_)
      return try_again("stopped");
    std::this_thread::sleep_for(pause / 10);
  }
  held_->replace(std::move(rows), {identity(), static_cast<int64_t>(position_)});
  read_anew_ = false;
  metrics_.snapshots.Increment();
  spdlog::info("table {}: {} rows of {} read, as of {}", settings_.table.name, held_->rows(),
               settings_.table.table, pgoutput::lsn_text(position_));
  return {};
}

outcome<void> replicated_table::fetch_rows(const catalog_table& from,
                                           std::vector<table_copy::step>& rows) {
  const auto& schema = *settings_.table.schema;
  std::string columns;
  for (const auto& x : schema.fields)
    columns += (columns.empty() ? "" : ", ") + quoted_name(column_of(x));
  auto declared =
      connection_.run(fmt::format("DECLARE keyfold NO SCROLL CURSOR FOR SELECT {} FROM "
                                  "{}.{}",
                                  columns, quoted_name(from.schema), quoted_name(from.name)));
  if (!declared)
    return tl::unexpected{declared.error()};
  uint64_t bytes = 0;
  for (auto more = true; more;) {
    auto fetched = connection_.run(fmt::format("FETCH {} FROM keyfold", rows_at_once));
    if (!fetched)
      return tl::unexpected{fetched.error()};
    more = PQntuples(fetched->get()) == rows_at_once;
    auto known = rows.size();
    take_rows(fetched->get(), rows);
    for (auto i = known; i < rows.size(); ++i)
      bytes += table_copy::size_of(rows[i].key, rows[i].row);
    if (letters_.size() > most_bad_rows)
      return needs_person(fmt::format(
          "more than {} rows of the table cannot be read, the last for {}: mend them, or give the "
          "field another type",
          most_bad_rows, letters_.back().reason));
    if (rows.size() > settings_.bounds.max_rows)
      return needs_person(
          fmt::format("it has more than {} rows: raise `max_rows`", settings_.bounds.max_rows));
    if (bytes > settings_.bounds.max_bytes)
      return needs_person(fmt::format("its rows take more than {} bytes: raise `max_memory`",
                                      settings_.bounds.max_bytes));
  }
  return {};
}

void replicated_table::take_rows(const PGresult* from, std::vector<table_copy::step>& to) {
  const auto& schema = *settings_.table.schema;
  std::vector<const char*> texts(schema.fields.size());
  std::vector<int> sizes(schema.fields.size());
  std::vector<cell> cells;
  std::vector<cell> key(settings_.table.key.size());
  arena memory;
  std::string why;
  for (int row = 0; row < PQntuples(from); ++row) {
    for (int i = 0; i < static_cast<int>(texts.size()); ++i) {
      auto null = PQgetisnull(from, row, i) != 0;
      texts[static_cast<size_t>(i)] = null ? nullptr : PQgetvalue(from, row, i);
      sizes[static_cast<size_t>(i)] = PQgetlength(from, row, i);
    }
    memory.clear();
    if (!read_row(schema, texts, sizes, memory, cells, why)) {
      bad_row(why);
      continue;
    }
    for (size_t i = 0; i < key.size(); ++i)
      key[i] = cells[settings_.table.key[i]];
    table_copy::step made{table_copy::step::kind::put, key_bytes(key), {}};
    byte_writer writer{made.row};
    for (const auto& x : cells)
      writer.value(x);
    to.push_back(std::move(made));
  }
}

outcome<void> replicated_table::start_streaming() {
  auto begun = connection_.run(
      fmt::format("START_REPLICATION SLOT {} LOGICAL {} (proto_version '1', publication_names {})",
                  quoted_name(settings_.slot), pgoutput::lsn_text(position_),
                  quoted_text(quoted_name(settings_.publication))));
  if (!begun)
    return tl::unexpected{begun.error()};
  answered_at_ = clock::now();
  return {};
}

} // namespace keyfold::postgres
