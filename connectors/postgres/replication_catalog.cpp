#include "connectors/postgres/replicated_table.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <charconv>

/// Of the replicated table: what the server's catalogue says of it.
namespace keyfold::postgres {

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
    return try_again("the table, its columns or its publication were altered");
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

} // namespace keyfold::postgres
