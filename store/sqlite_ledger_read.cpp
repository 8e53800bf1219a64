#include "store/key_set.hpp"
#include "store/key_state.hpp"
#include "store/sqlite_ledger.hpp"

#include <fmt/format.h>

#include <filesystem>

namespace keyfold::store {

namespace {

constexpr auto reading = "reading keys";

uint64_t size_of(const std::string& path) {
  std::error_code missing;
  auto size = std::filesystem::file_size(path, missing);
  return missing ? 0 : size;
}

} // namespace

ledger_result<void> sqlite_ledger::for_each_key(
    const std::function<void(uint32_t entity, std::string_view key, std::string_view state)>& f) {
  // Bounds the memory of `seen`. Reading segments is ten times faster than compacting them.
  while (!options_.read_only && segment_bytes_ > tuning_.segment_limit_bytes) {
    auto more = compact(std::chrono::milliseconds{500});
    if (!more)
      return tl::unexpected(more.error());
  }
  auto connection = database::open(options_.path, database::mode::read);
  if (!connection)
    return tl::unexpected(connection.error());
  if (auto done = connection->run("BEGIN", reading); !done)
    return done;
  key_set seen;
  if (auto done = visit_segments(*connection, seen, f); !done)
    return done;
  return visit_rows(*connection, seen, f);
}

ledger_result<void> sqlite_ledger::visit_segments(
    const database& on, key_set& seen,
    const std::function<void(uint32_t, std::string_view, std::string_view)>& f) const {
  auto query = statement::prepare(
      on, "SELECT id, epoch, entity, checksum, pairs FROM segment ORDER BY id DESC");
  if (!query)
    return tl::unexpected(query.error());
  std::vector<std::pair<std::string_view, std::string_view>> pairs;
  for (;;) {
    auto row = query->step(reading);
    if (!row)
      return tl::unexpected(row.error());
    if (!*row)
      return {};
    auto blob = checked_pairs(*query, on.path());
    if (!blob)
      return tl::unexpected(blob.error());
    auto entity = caller_number(query->number(2));
    if (!entity)
      continue;
    pairs.clear();
    key_state_cursor cursor{*blob};
    while (cursor.next())
      pairs.emplace_back(cursor.key(), cursor.state());
    if (!cursor.good())
      return tl::unexpected(damaged(on.path(), fmt::format("segment {}", query->number(0))));
    for (auto pair = pairs.rbegin(); pair != pairs.rend(); ++pair)
      if (seen.insert(hash_key(*entity, pair->first)) && !pair->second.empty())
        f(*entity, pair->first, pair->second);
  }
}

ledger_result<void> sqlite_ledger::visit_rows(
    const database& on, key_set& seen,
    const std::function<void(uint32_t, std::string_view, std::string_view)>& f) const {
  auto query = statement::prepare(on, "SELECT entity, key, state, checksum FROM state");
  if (!query)
    return tl::unexpected(query.error());
  for (;;) {
    auto row = query->step(reading);
    if (!row)
      return tl::unexpected(row.error());
    if (!*row)
      return {};
    auto key = query->blob(1);
    auto state = query->blob(2);
    if (state_checksum(query->number(0), key, state) != query->number(3))
      return tl::unexpected(damaged(on.path(), fmt::format("the state of the key \"{}\"", key)));
    auto entity = caller_number(query->number(0));
    if (entity && !seen.contains(hash_key(*entity, key)))
      f(*entity, key, state);
  }
}

ledger_result<std::optional<std::string>> sqlite_ledger::load(uint32_t entity,
                                                              std::string_view key) {
  if (entity >= entity_ids_.size())
    return std::nullopt;
  std::lock_guard guard{reader_mutex_};
  auto row = get_state_.bind(1, entity_ids_[entity]).bind_blob(2, key).step("reading a key");
  if (!row)
    return tl::unexpected(row.error());
  if (!*row) {
    get_state_.reset();
    return std::nullopt;
  }
  std::string state{get_state_.blob(0)};
  auto sound = state_checksum(entity_ids_[entity], key, state) == get_state_.number(1);
  get_state_.reset();
  if (!sound)
    return tl::unexpected(damaged(options_.path, fmt::format("the state of the key \"{}\"", key)));
  return state;
}

ledger_statistics sqlite_ledger::statistics() const {
  ledger_statistics result;
  result.keys = keys_;
  result.segment_bytes = segment_bytes_;
  result.outbox_bytes = outbox_bytes_;
  result.file_bytes = size_of(options_.path) + size_of(options_.path + "-wal");
  result.epochs = last_epoch_;
  return result;
}

ledger_result<ledger_description> sqlite_ledger::describe() {
  constexpr auto doing = "describing it";
  auto connection = database::open(options_.path, database::mode::read);
  if (!connection)
    return tl::unexpected(connection.error());
  auto registry = read_registry(*connection);
  if (!registry)
    return tl::unexpected(registry.error());
  ledger_description result;
  result.entities = options_.entities;
  result.fingerprints = std::move(registry->fingerprints);
  auto texts = [&](const char* sql, auto&& take) -> ledger_result<void> {
    auto query = statement::prepare(*connection, sql);
    if (!query)
      return tl::unexpected(query.error());
    for (;;) {
      auto row = query->step(doing);
      if (!row)
        return tl::unexpected(row.error());
      if (!*row)
        return {};
      take(std::string{query->blob(0)});
    }
  };
  if (auto done = texts("SELECT name FROM application",
                        [&](std::string name) { result.application = std::move(name); });
      !done)
    return tl::unexpected(done.error());
  if (auto done = texts("SELECT output FROM published UNION SELECT DISTINCT output FROM outbox",
                        [&](std::string name) { result.outputs.push_back(std::move(name)); });
      !done)
    return tl::unexpected(done.error());
  return result;
}

} // namespace keyfold::store
