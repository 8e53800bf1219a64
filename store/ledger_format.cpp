#include "store/ledger_format.hpp"

#include "store/checksum.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace keyfold::store {

namespace {

constexpr auto reading = "reading its header";

constexpr auto tables = R"(
CREATE TABLE application(name TEXT NOT NULL);
CREATE TABLE entity(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE);
CREATE TABLE dropped_entity(id INTEGER PRIMARY KEY);
CREATE TABLE view(name TEXT PRIMARY KEY, fingerprint TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE epoch(id INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, checksum INTEGER NOT NULL);
CREATE TABLE position(stream TEXT, partition TEXT, next INTEGER NOT NULL, max_time_us INTEGER NOT NULL,
  ended INTEGER NOT NULL, checksum INTEGER NOT NULL, PRIMARY KEY(stream, partition)) WITHOUT ROWID;
CREATE TABLE state(entity INTEGER, key BLOB, checksum INTEGER NOT NULL, state BLOB NOT NULL,
  PRIMARY KEY(entity, key)) WITHOUT ROWID;
CREATE TABLE state_count(id INTEGER PRIMARY KEY, keys INTEGER NOT NULL);
CREATE TABLE segment(id INTEGER PRIMARY KEY AUTOINCREMENT, epoch INTEGER NOT NULL, entity INTEGER NOT NULL,
  checksum INTEGER NOT NULL, size INTEGER NOT NULL, pairs BLOB NOT NULL);
CREATE TABLE outbox(id INTEGER PRIMARY KEY AUTOINCREMENT, output TEXT NOT NULL, epoch INTEGER NOT NULL,
  part INTEGER NOT NULL, parts INTEGER NOT NULL, checksum INTEGER NOT NULL, size INTEGER NOT NULL,
  log BLOB NOT NULL);
CREATE UNIQUE INDEX outbox_order ON outbox(output, epoch, part);
CREATE TABLE published(output TEXT PRIMARY KEY, epoch INTEGER NOT NULL, position TEXT NOT NULL DEFAULT '') WITHOUT ROWID;
)";

ledger_error foreign(const std::string& path) {
  return {
      fmt::format("\"{}\" is a SQLite file, but not a keyfold ledger: name another path, or move "
                  "the file away",
                  path)};
}

ledger_result<bool> is_new(const database& on) {
  auto id = on.number("PRAGMA application_id", reading);
  if (!id)
    return tl::unexpected(id.error());
  auto objects = on.number("SELECT count(*) FROM sqlite_schema", reading);
  if (!objects)
    return tl::unexpected(objects.error());
  return *id == 0 && *objects == 0;
}

ledger_result<void> create(const database& on, const std::string& application) {
  constexpr auto creating = "creating it";
  auto begun = transaction::begin(on, creating);
  if (!begun)
    return tl::unexpected(begun.error());
  auto header = fmt::format("PRAGMA application_id={}; PRAGMA user_version={};",
                            ledger_application_id, ledger_format_version);
  for (auto* sql : {header.c_str(), tables, "INSERT INTO state_count VALUES(0, 0)"})
    if (auto done = on.run(sql, creating); !done)
      return done;
  auto name = statement::prepare(on, "INSERT INTO application VALUES(?1)");
  if (!name)
    return tl::unexpected(name.error());
  if (auto done = name->bind_text(1, application).execute(creating); !done)
    return done;
  auto epoch = statement::prepare(on, "INSERT INTO epoch VALUES(0, 0, ?1)");
  if (!epoch)
    return tl::unexpected(epoch.error());
  epoch->bind(1, static_cast<int64_t>(epoch_checksum(0, {})));
  if (auto done = epoch->execute(creating); !done)
    return done;
  return begun->commit(creating);
}

/// Brings a file that `check_format` has accepted to the newest format.
ledger_result<void> upgrade(const database& on) {
  constexpr auto upgrading = "bringing it to this program's format";
  auto version = on.number("PRAGMA user_version", reading);
  if (!version)
    return tl::unexpected(version.error());
  if (*version == ledger_format_version)
    return {};
  auto begun = transaction::begin(on, upgrading);
  if (!begun)
    return tl::unexpected(begun.error());
  auto header = fmt::format("PRAGMA user_version={}", ledger_format_version);
  for (auto* sql :
       {"ALTER TABLE published ADD COLUMN position TEXT NOT NULL DEFAULT ''", header.c_str()})
    if (auto done = on.run(sql, upgrading); !done)
      return done;
  return begun->commit(upgrading);
}

} // namespace

ledger_result<void> create_or_check(const database& on, const std::string& application,
                                    int page_size) {
  auto fresh = is_new(on);
  if (!fresh)
    return tl::unexpected(fresh.error());
  if (!*fresh) {
    if (auto sound = check_format(on, application); !sound)
      return sound;
    return upgrade(on);
  }
  auto settings = fmt::format("PRAGMA page_size={}; PRAGMA journal_mode=WAL;", page_size);
  if (auto done = on.run(settings.c_str(), "creating it"); !done)
    return done;
  return create(on, application);
}

ledger_result<void> check_format(const database& on, const std::string& application) {
  auto id = on.number("PRAGMA application_id", reading);
  if (!id)
    return tl::unexpected(id.error());
  if (*id != ledger_application_id)
    return tl::unexpected(foreign(on.path()));
  auto version = on.number("PRAGMA user_version", reading);
  if (!version)
    return tl::unexpected(version.error());
  if (*version < oldest_format_version || *version > ledger_format_version)
    return tl::unexpected(ledger_error{
        fmt::format("ledger \"{}\" has format {}, this program reads formats {} to {}: "
                    "run the {} program that wrote it",
                    on.path(), *version, oldest_format_version, ledger_format_version,
                    *version > ledger_format_version ? "newer" : "older")});
  auto query = statement::prepare(on, "SELECT name FROM application");
  if (!query)
    return tl::unexpected(query.error());
  auto row = query->step(reading);
  if (!row)
    return tl::unexpected(row.error());
  std::string owner{*row ? query->blob(0) : ""};
  if (!application.empty() && owner != application)
    return tl::unexpected(
        ledger_error{fmt::format("ledger \"{}\" belongs to the application \"{}\", not to \"{}\": "
                                 "name another path, or give "
                                 "the definition its old name",
                                 on.path(), owner, application)});
  return {};
}

ledger_result<ledger_registry> read_registry(const database& on) {
  ledger_registry result;
  auto entities = statement::prepare(on, "SELECT id, name FROM entity");
  auto views = statement::prepare(on, "SELECT name, fingerprint FROM view");
  if (!entities || !views)
    return tl::unexpected(entities ? views.error() : entities.error());
  for (;;) {
    auto row = entities->step(reading);
    if (!row)
      return tl::unexpected(row.error());
    if (!*row)
      break;
    result.entities.emplace(entities->blob(1), entities->number(0));
  }
  for (;;) {
    auto row = views->step(reading);
    if (!row)
      return tl::unexpected(row.error());
    if (!*row)
      break;
    result.fingerprints.emplace(views->blob(0), views->blob(1));
  }
  return result;
}

namespace {

ledger_result<void> update_entities(const database& on, const ledger_registry& old,
                                    const std::vector<std::string>& entities) {
  constexpr auto doing = "registering the entities";
  auto add = statement::prepare(on, "INSERT INTO entity(name) VALUES(?1)");
  auto drop = statement::prepare(on, "DELETE FROM entity WHERE id = ?1");
  auto remember = statement::prepare(on, "INSERT INTO dropped_entity VALUES(?1)");
  if (!add || !drop || !remember)
    return tl::unexpected(on.failure(doing));
  for (auto& name : entities)
    if (!old.entities.contains(name))
      if (auto done = add->bind_text(1, name).execute(doing); !done)
        return done;
  for (auto& [name, id] : old.entities) {
    if (std::find(entities.begin(), entities.end(), name) != entities.end())
      continue;
    if (auto done = drop->bind(1, id).execute(doing); !done)
      return done;
    if (auto done = remember->bind(1, id).execute(doing); !done)
      return done;
  }
  return {};
}

} // namespace

ledger_result<std::vector<std::string>> update_registry(const database& on,
                                                        const open_options& options) {
  constexpr auto doing = "registering the views";
  auto old = read_registry(on);
  if (!old)
    return tl::unexpected(old.error());
  std::vector<std::string> changed;
  for (auto& [name, fingerprint] : options.fingerprints)
    if (auto found = old->fingerprints.find(name);
        found != old->fingerprints.end() && found->second != fingerprint)
      changed.push_back(name);
  if (!changed.empty() && !options.reset_changed_views)
    return tl::unexpected(ledger_error{fmt::format(
        "ledger \"{}\" was written under another definition of the view{} {}: give {} the old "
        "definition, or set \"on_change\": \"reset\" in \"ledger\" to let {} begin anew; all other "
        "views keep their state",
        on.path(), changed.size() == 1 ? "" : "s", fmt::join(changed, ", "),
        changed.size() == 1 ? "it" : "them", changed.size() == 1 ? "it" : "them")});
  if (auto done = update_entities(on, *old, options.entities); !done)
    return tl::unexpected(done.error());
  if (auto done = on.run("DELETE FROM view", doing); !done)
    return tl::unexpected(done.error());
  auto add = statement::prepare(on, "INSERT INTO view VALUES(?1, ?2)");
  if (!add)
    return tl::unexpected(add.error());
  for (auto& [name, fingerprint] : options.fingerprints)
    if (auto done = add->bind_text(1, name).bind_text(2, fingerprint).execute(doing); !done)
      return tl::unexpected(done.error());
  return changed;
}

uint64_t position_checksum(const position_row& x) {
  auto text = fmt::format("{}\n{}\n{}\n{}\n{}", x.stream, x.partition, x.next, x.max_time_us,
                          x.ended ? 1 : 0);
  return checksum(text, x.stream.size());
}

uint64_t epoch_checksum(uint64_t epoch, const position_map& positions) {
  uint64_t sum = 0;
  for (auto& entry : positions)
    sum += position_checksum(entry.second);
  return checksum(fmt::format("{}\n{}", epoch, sum), positions.size());
}

ledger_result<ledger_progress> read_progress(const database& on) {
  constexpr auto doing = "reading its positions";
  ledger_progress result;
  auto query = statement::prepare(
      on, "SELECT stream, partition, next, max_time_us, ended, checksum FROM position");
  auto epoch = statement::prepare(on, "SELECT epoch, checksum FROM epoch");
  if (!query || !epoch)
    return tl::unexpected(query ? epoch.error() : query.error());
  for (;;) {
    auto row = query->step(doing);
    if (!row)
      return tl::unexpected(row.error());
    if (!*row)
      break;
    position_row x{std::string{query->blob(0)}, std::string{query->blob(1)}, query->number(2),
                   query->number(3), query->number(4) != 0};
    if (position_checksum(x) != static_cast<uint64_t>(query->number(5)))
      return tl::unexpected(
          damaged(on.path(), fmt::format("the position of {} {}", x.stream, x.partition)));
    result.positions.emplace(std::pair{x.stream, x.partition}, std::move(x));
  }
  auto row = epoch->step(doing);
  if (!row)
    return tl::unexpected(row.error());
  if (*row)
    result.epoch = static_cast<uint64_t>(epoch->number(0));
  if (!*row
      || epoch_checksum(result.epoch, result.positions) != static_cast<uint64_t>(epoch->number(1)))
    return tl::unexpected(damaged(on.path(), "the epoch and its positions do not belong together"));
  return result;
}

} // namespace keyfold::store
