#include "store/sqlite_ledger.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace keyfold::store {

namespace {

constexpr auto opening = "opening it";

int remember_log_pages(void* pages, sqlite3*, const char*, int count) {
  static_cast<std::atomic<uint64_t>*>(pages)->store(static_cast<uint64_t>(count));
  return SQLITE_OK;
}

void count_replaced(sqlite3_context* context, int, sqlite3_value**) {
  ++*static_cast<int64_t*>(sqlite3_user_data(context));
  sqlite3_result_int(context, 1);
}

ledger_result<void> make_place(const std::string& path) {
  std::error_code error;
  auto folder = std::filesystem::path{path}.parent_path();
  if (!folder.empty())
    std::filesystem::create_directories(folder, error);
  if (error)
    return tl::unexpected(ledger_error{
        fmt::format(
            "ledger \"{}\": its folder cannot be created ({}): name a path that this user may "
            "write to",
            path, error.message()),
        error == std::errc::no_space_on_device});
  if (std::filesystem::is_directory(path, error))
    return tl::unexpected(ledger_error{
        fmt::format("ledger \"{}\" is a folder: name a file, e.g. \"{}/ledger.db\"", path, path)});
  return {};
}

} // namespace

ledger_result<std::unique_ptr<ledger>> ledger::open(const open_options& options) {
  auto opened = sqlite_ledger::open(options, {});
  if (!opened)
    return tl::unexpected(opened.error());
  return std::unique_ptr<ledger>{std::move(*opened)};
}

ledger_result<std::unique_ptr<sqlite_ledger>> sqlite_ledger::open(const open_options& options,
                                                                  const ledger_tuning& tuning) {
  if (options.path.empty())
    return tl::unexpected(ledger_error{"the ledger has no path: name the file that is to hold it"});
  std::unique_ptr<sqlite_ledger> result{new sqlite_ledger(options, tuning)};
  for (auto step : {&sqlite_ledger::open_files, &sqlite_ledger::register_definition,
                    &sqlite_ledger::prepare_statements, &sqlite_ledger::read_counters})
    if (auto done = (result.get()->*step)(); !done)
      return tl::unexpected(done.error());
  return result;
}

sqlite_ledger::~sqlite_ledger() = default;

ledger_result<void> sqlite_ledger::open_files() {
  auto& path = options_.path;
  if (options_.read_only && !std::filesystem::is_regular_file(path))
    return tl::unexpected(ledger_error{fmt::format(
        "there is no ledger at \"{}\": name the file that the definition's \"ledger\" names",
        path)});
  if (!options_.read_only) {
    if (auto made = make_place(path); !made)
      return made;
    auto lock = file_lock::take(path);
    if (!lock)
      return tl::unexpected(lock.error());
    lock_ = std::move(*lock);
    auto writer = database::open(path, database::mode::create);
    if (!writer)
      return tl::unexpected(writer.error());
    writer_ = std::move(*writer);
    if (auto done = create_or_check(writer_, options_.application, tuning_.page_size); !done)
      return done;
    if (auto done = configure_writer(); !done)
      return done;
  }
  for (auto* connection : {&reader_, &maintenance_}) {
    auto opened =
        database::open(path, options_.read_only || connection == &reader_ ? database::mode::read
                                                                          : database::mode::write);
    if (!opened)
      return tl::unexpected(opened.error());
    *connection = std::move(*opened);
    if (auto done = connection->run("PRAGMA cache_size=-4096", opening); !done)
      return done;
  }
  if (options_.read_only)
    return check_format(reader_, options_.application);
  return {};
}

ledger_result<void> sqlite_ledger::configure_writer() {
  // Debian's SQLite overwrites what it deletes unless told not to: twice the writing.
  if (auto done = writer_.run("PRAGMA journal_mode=WAL; PRAGMA secure_delete=OFF; "
                              "PRAGMA journal_size_limit=67108864; PRAGMA cache_size=-16384;",
                              opening);
      !done)
    return done;
  sqlite3_wal_hook(writer_.handle(), remember_log_pages, &log_pages_);
  sqlite3_create_function_v2(writer_.handle(), "keyfold_replaced", 0,
                             SQLITE_UTF8 | SQLITE_DIRECTONLY, &replaced_, count_replaced, nullptr,
                             nullptr, nullptr);
  return {};
}

ledger_result<void> sqlite_ledger::register_definition() {
  auto& source = options_.read_only ? reader_ : writer_;
  if (!options_.read_only) {
    auto begun = transaction::begin(writer_, opening);
    if (!begun)
      return tl::unexpected(begun.error());
    auto reset = update_registry(writer_, options_);
    if (!reset)
      return tl::unexpected(reset.error());
    reset_views_ = std::move(*reset);
    if (auto done = begun->commit(opening); !done)
      return done;
  }
  auto registry = read_registry(source);
  if (!registry)
    return tl::unexpected(registry.error());
  if (options_.read_only && options_.entities.empty())
    for (auto& entry : registry->entities)
      options_.entities.push_back(entry.first);
  for (auto& name : options_.entities) {
    auto found = registry->entities.find(name);
    entity_ids_.push_back(found == registry->entities.end() ? 0 : found->second);
  }
  return {};
}

ledger_result<void> sqlite_ledger::prepare_statements() {
  auto prepare = [](const database& on, statement& into, const char* sql) -> ledger_result<void> {
    auto prepared = statement::prepare(on, sql);
    if (!prepared)
      return tl::unexpected(prepared.error());
    into = std::move(*prepared);
    return {};
  };
  struct named {
    statement* into;
    const char* sql;
  };
  auto& queries = options_.read_only ? maintenance_ : writer_;
  auto version = queries.number("PRAGMA user_version", opening);
  if (!version)
    return tl::unexpected(version.error());
  auto* published = *version < published_position_version
                        ? "SELECT epoch, '' FROM published WHERE output = ?1"
                        : "SELECT epoch, position FROM published WHERE output = ?1";
  for (auto& [into, sql] :
       {named{&list_pending_,
              "SELECT epoch, sum(size) FROM outbox WHERE output = ?1 AND epoch > ?2 "
              "GROUP BY epoch ORDER BY epoch"},
        named{&get_outbox_, "SELECT part, parts, checksum, log FROM outbox WHERE output = ?1 AND "
                            "epoch = ?2 ORDER BY part"},
        named{&get_published_, published}})
    if (auto done = prepare(queries, *into, sql); !done)
      return done;
  if (auto done = prepare(reader_, get_state_,
                          "SELECT state, checksum FROM state WHERE entity = ?1 AND key = ?2");
      !done)
    return done;
  if (options_.read_only)
    return {};
  if (auto done = prepare(maintenance_, next_segment_,
                          "SELECT id, epoch, entity, checksum, pairs, size FROM segment "
                          "WHERE id > ?1 ORDER BY id LIMIT 1");
      !done)
    return done;
  for (auto& [into, sql] :
       {named{&put_position_, "INSERT OR REPLACE INTO position VALUES(?1, ?2, ?3, ?4, ?5, ?6)"},
        named{&drop_position_, "DELETE FROM position WHERE stream = ?1 AND partition = ?2"},
        named{&put_epoch_, "UPDATE epoch SET epoch = ?1, checksum = ?2 WHERE id = 0"},
        named{&put_segment_, "INSERT INTO segment(epoch, entity, checksum, size, pairs) "
                             "VALUES(?1, ?2, ?3, ?4, ?5)"},
        named{&put_outbox_, "INSERT INTO outbox(output, epoch, part, parts, checksum, size, log) "
                            "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"},
        named{&put_state_, "INSERT INTO state(entity, key, checksum, state) VALUES(?1, ?2, ?3, ?4) "
                           "ON CONFLICT DO UPDATE SET checksum = excluded.checksum, "
                           "state = excluded.state WHERE keyfold_replaced()"},
        named{&drop_state_, "DELETE FROM state WHERE entity = ?1 AND key = ?2"},
        named{&put_count_, "UPDATE state_count SET keys = ?1 WHERE id = 0"},
        named{&drop_segments_, "DELETE FROM segment WHERE id <= ?1"},
        named{&drop_outbox_, "DELETE FROM outbox WHERE output = ?1 AND epoch <= ?2"},
        named{&put_published_, "INSERT OR REPLACE INTO published VALUES(?1, ?2, ?3)"}})
    if (auto done = prepare(writer_, *into, sql); !done)
      return done;
  return {};
}

ledger_result<void> sqlite_ledger::read_counters() {
  // One snapshot, beside a process that may be writing.
  auto& on = options_.read_only ? reader_ : writer_;
  if (auto done = on.run("BEGIN", opening); !done)
    return done;
  auto progress = read_progress(on);
  if (!progress)
    return tl::unexpected(progress.error());
  last_epoch_ = progress->epoch;
  positions_ = std::move(progress->positions);
  struct counter {
    std::atomic<uint64_t>* into;
    const char* sql;
  };
  for (auto& [into, sql] : {counter{&keys_, "SELECT keys FROM state_count"},
                            counter{&segment_bytes_, "SELECT sum(size) FROM segment"},
                            counter{&outbox_bytes_, "SELECT sum(size) FROM outbox"}}) {
    auto value = on.number(sql, opening);
    if (!value)
      return tl::unexpected(value.error());
    *into = static_cast<uint64_t>(*value);
  }
  auto dropped = on.number("SELECT count(*) FROM dropped_entity", opening);
  if (!dropped)
    return tl::unexpected(dropped.error());
  dropped_entities_ = *dropped != 0;
  auto oldest = on.number("SELECT min(epoch) FROM segment", opening);
  if (!oldest)
    return tl::unexpected(oldest.error());
  compacted_epoch_ = *oldest > 0 ? static_cast<uint64_t>(*oldest) - 1 : last_epoch_.load();
  return on.run("COMMIT", opening);
}

std::optional<uint32_t> sqlite_ledger::caller_number(int64_t entity) const {
  auto found = std::find(entity_ids_.begin(), entity_ids_.end(), entity);
  if (found == entity_ids_.end())
    return std::nullopt;
  return static_cast<uint32_t>(found - entity_ids_.begin());
}

std::vector<int64_t> sqlite_ledger::live_entities() const {
  auto result = entity_ids_;
  std::sort(result.begin(), result.end());
  return result;
}

} // namespace keyfold::store
