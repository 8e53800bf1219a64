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

/// A text as SQL has it; the replication protocol takes no parameters.
std::string quoted_text(std::string_view text) {
  std::string out = "'";
  for (auto c : text) {
    if (c == '\'')
      out.push_back('\'');
    out.push_back(c);
  }
  return out + "'";
}

std::string_view text_at(const result_ptr& x, int row, int column) {
  return PQgetvalue(x.get(), row, column);
}

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

tl::unexpected<failure> needs_person(std::string message) {
  return tl::unexpected{failure{failure_kind::person, "", std::move(message)}};
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

/// Another server under the same address counts its log in its own way, also a standby that has
/// become the server.
outcome<void> replicated_table::find_server() {
  auto system = connection_.run("IDENTIFY_SYSTEM");
  if (!system)
    return tl::unexpected{system.error()};
  auto identifier = fmt::format("{} {}", text_at(*system, 0, 0), text_at(*system, 0, 1));
  server_end_ = pgoutput::read_lsn(text_at(*system, 0, 2)).value_or(0);
  if (!server_.empty() && server_ != identifier)
    read_anew_ = true;
  server_ = std::move(identifier);
  return {};
}

/// Before it is published: where a table of a publication has no replica identity, the server
/// refuses everybody's updates of it.
outcome<void> replicated_table::find_table() {
  std::string key;
  for (auto field : settings_.table.key)
    key +=
        (key.empty() ? "" : ", ") + quoted_text(column_of(settings_.table.schema->fields[field]));
  auto found = connection_.run(fmt::format(
      "SELECT c.oid::bigint, c.relkind = 'p' OR EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE "
      "inhparent = c.oid), c.relreplident = 'f' OR EXISTS (SELECT FROM pg_catalog.pg_index i WHERE "
      "i.indrelid = c.oid AND i.indimmediate AND CASE c.relreplident WHEN 'd' THEN i.indisprimary "
      "WHEN 'i' THEN i.indisreplident ELSE false END AND NOT EXISTS (SELECT FROM "
      "pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attname IN ({}) AND a.attnum <> "
      "ALL "
      "((i.indkey::int2[])[0:i.indnkeyatts - 1]))) FROM pg_catalog.pg_class c WHERE c.oid = "
      "pg_catalog.to_regclass({})",
      key, quoted_text(settings_.table.table)));
  if (!found)
    return tl::unexpected{found.error()};
  if (PQntuples(found->get()) == 0)
    return needs_person(
        fmt::format("there is no table {}: create it, or correct its name", settings_.table.table));
  if (text_at(*found, 0, 1) == "t")
    return needs_person(fmt::format(
        "the table {} has partitions or children, whose changes are theirs: choose \"mode\": "
        "\"on_demand\"",
        settings_.table.table));
  if (text_at(*found, 0, 2) != "t")
    return needs_person(fmt::format("its updates and deletes would not tell the key: make it the "
                                    "primary key, or ALTER TABLE {} REPLICA IDENTITY FULL",
                                    settings_.table.table));
  std::string_view text = text_at(*found, 0, 0);
  table_number_ = 0;
  std::from_chars(text.data(), text.data() + text.size(), table_number_);
  reader_.follow(table_number_);
  return {};
}

/// What becomes another text with all that changes rows, or hides changes of them, without a change
/// that comes: the number of the table, where it was made anew; the places of its columns, and the
/// transactions that last defined them; the publication, and since when the table is in it.
outcome<std::string> replicated_table::catalogued(connection& with) {
  std::string columns;
  for (const auto& x : settings_.table.schema->fields)
    columns += (columns.empty() ? "" : ", ") + quoted_text(column_of(x));
  auto found = with.run(fmt::format(
      "SELECT pg_catalog.to_regclass({0})::oid, (SELECT string_agg(attnum || ':' || xmin::text, ' "
      "' "
      "ORDER BY attnum) FROM pg_catalog.pg_attribute WHERE attrelid = "
      "pg_catalog.to_regclass({0})::oid AND attname IN ({1})), (SELECT oid || ':' || xmin::text "
      "FROM pg_catalog.pg_publication WHERE pubname = {2}), (SELECT string_agg(r.oid::text, ' ' "
      "ORDER BY r.oid) FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_publication p ON "
      "p.oid = r.prpubid WHERE p.pubname = {2} AND r.prrelid = "
      "pg_catalog.to_regclass({0})::oid)",
      quoted_text(settings_.table.table), columns, quoted_text(settings_.publication)));
  if (!found)
    return tl::unexpected{found.error()};
  std::string out;
  for (int i = 0; i < PQnfields(found->get()); ++i)
    out.append(text_at(*found, 0, i)).push_back('|');
  return out;
}

/// The copy is not of a table that is another now, though it has the same name.
outcome<void> replicated_table::look() {
  auto now = catalogued(connection_);
  if (!now)
    return tl::unexpected{now.error()};
  if (!catalogued_.empty() && catalogued_ != *now)
    read_anew_ = true;
  catalogued_ = std::move(*now);
  looked_at_ = clock::now();
  auto whole = connection_.run(fmt::format(
      "SELECT pubinsert AND pubupdate AND pubdelete AND pubtruncate AND NOT EXISTS (SELECT FROM "
      "pg_catalog.pg_publication_rel r WHERE r.prpubid = p.oid AND r.prrelid = {} AND "
      "to_jsonb(r) ->> 'prqual' IS NOT NULL) FROM pg_catalog.pg_publication p WHERE pubname = {}",
      table_number_, quoted_text(settings_.publication)));
  if (!whole)
    return tl::unexpected{whole.error()};
  if (PQntuples(whole->get()) == 0 || text_at(*whole, 0, 0) != "t")
    return needs_person(fmt::format(
        "the publication {} leaves out rows, or kinds of changes: make it without WHERE, and with "
        "publish = 'insert, update, delete, truncate'",
        settings_.publication));
  return {};
}

/// The same, while changes come: over a connection of its own.
outcome<void> replicated_table::look_again() {
  looked_at_ = clock::now();
  connection plain{settings_.table.connection, interrupted_};
  auto opened = plain.open();
  auto now = opened ? catalogued(plain) : tl::unexpected{opened.error()};
  if (!now) {
    metrics_.failures.Increment();
    spdlog::warn("table {}: {}; whether it was altered is looked at again later",
                 settings_.table.name, now.error().message);
    return {};
  }
  if (*now != catalogued_)
    return tl::unexpected{failure{failure_kind::transient, "",
                                  "the table, its columns or its publication were altered"}};
  return {};
}

outcome<void> replicated_table::ensure_publication() {
  auto name = quoted_text(settings_.publication);
  auto there = connection_.run(fmt::format(
      "SELECT EXISTS (SELECT FROM pg_catalog.pg_publication WHERE pubname = {0}), EXISTS (SELECT "
      "FROM "
      "pg_catalog.pg_publication_tables p JOIN pg_catalog.pg_namespace n ON n.nspname = "
      "p.schemaname JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = "
      "p.tablename "
      "WHERE p.pubname = {0} AND c.oid = {1})",
      name, table_number_));
  if (!there)
    return tl::unexpected{there.error()};
  if (text_at(*there, 0, 1) == "t")
    return {};
  // Changes are missing from the slot: it must be gone before the publication hides that, whoever
  // makes it, and also when this process dies in between.
  read_anew_ = true;
  if (auto gone = drop_slot(); !gone)
    return gone;
  auto exists = text_at(*there, 0, 0) == "t";
  auto sql = fmt::format("{} PUBLICATION {} {} TABLE {}", exists ? "ALTER" : "CREATE",
                         quoted_name(settings_.publication), exists ? "ADD" : "FOR",
                         settings_.table.table);
  auto made = connection_.run(sql);
  if (made)
    return {};
  auto why = made.error();
  why.message = fmt::format("the publication lacks the table: {}; have the table's owner do it: {}",
                            why.message, sql);
  return tl::unexpected{std::move(why)};
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
  if (!letters_.empty() && queue_ != nullptr)
    queue_->offer(letters_);
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
