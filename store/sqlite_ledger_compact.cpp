#include "store/sqlite_ledger.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace keyfold::store {

namespace {

using clock = std::chrono::steady_clock;
constexpr auto compacting = "compacting";

} // namespace

ledger_result<bool> sqlite_ledger::compact(std::chrono::milliseconds budget) {
  if (options_.read_only)
    return false;
  std::lock_guard guard{maintenance_mutex_};
  auto until = clock::now() + budget;
  do {
    if (!run_place_) {
      auto collected = collect_segment();
      if (!collected)
        return collected;
      if (*collected)
        continue;
      if (run_)
        run_place_ = run_->begin();
    }
    if (run_place_) {
      if (auto done = compact_slice(std::min(until, clock::now() + tuning_.slice)); !done)
        return tl::unexpected(done.error());
      continue;
    }
    auto more = drop_entity_slice();
    if (!more)
      return more;
    dropped_entities_ = *more;
    if (!*more)
      break;
  } while (clock::now() < until);
  if (auto done = write_log_back(); !done)
    return tl::unexpected(done.error());
  auto more = run_.has_value() || segment_bytes_ != 0 || dropped_entities_;
  if (!more)
    release_caches();
  return more;
}

/// A run passes over the whole table, so many segments want few runs, and few segments little
/// memory.
size_t sqlite_ledger::run_limit() const {
  constexpr uint64_t runs = 8;
  auto share = static_cast<size_t>(segment_bytes_ / runs);
  return std::clamp(share, std::min(tuning_.small_run_bytes, tuning_.run_bytes), tuning_.run_bytes);
}

/// Gives back what SQLite holds of pages: the next commits read few of them.
void sqlite_ledger::release_caches() {
  sqlite3_db_release_memory(maintenance_.handle());
  std::lock_guard guard{writer_mutex_};
  sqlite3_db_release_memory(writer_.handle());
}

ledger_result<bool> sqlite_ledger::collect_segment() {
  next_segment_.bind(1, run_ ? run_->last_segment() : 0);
  auto row = next_segment_.step(compacting);
  if (!row)
    return row;
  auto fits =
      *row
      && (!run_
          || run_->segment_bytes() + static_cast<uint64_t>(next_segment_.number(5)) <= run_limit());
  ledger_result<bool> result = fits;
  if (fits) {
    if (!run_)
      run_.emplace();
    if (auto added = run_->add(next_segment_, options_.path, live_entities()); !added) {
      run_.reset();
      result = tl::unexpected(added.error());
    }
  }
  next_segment_.reset();
  return result;
}

ledger_result<void> sqlite_ledger::compact_slice(clock::time_point until) {
  std::lock_guard guard{writer_mutex_};
  // Losing a slice to a power failure loses nothing: its segments are still there. The next epoch's
  // commit waits for the disk for both.
  if (auto done = writer_.run("PRAGMA synchronous=NORMAL", compacting); !done)
    return done;
  auto begun = transaction::begin(writer_, compacting);
  if (!begun)
    return tl::unexpected(begun.error());
  auto keys = static_cast<int64_t>(keys_.load());
  auto place = *run_place_;
  auto finished = false;
  for (int moved = 1;; ++moved) {
    auto key = run_->take(place);
    finished = !key;
    if (finished)
      break;
    if (auto done = move_key(*key, keys); !done)
      return done;
    if (moved % 256 == 0 && (waiting_commits_ > 0 || clock::now() >= until))
      break;
  }
  if (auto done = put_count_.bind(1, keys).execute(compacting); !done)
    return done;
  if (finished)
    if (auto done = drop_segments_.bind(1, run_->last_segment()).execute(compacting); !done)
      return done;
  auto oldest = writer_.number("SELECT min(epoch) FROM segment", compacting);
  if (!oldest)
    return tl::unexpected(oldest.error());
  if (auto done = begun->commit(compacting); !done)
    return done;
  keys_ = static_cast<uint64_t>(keys);
  run_place_ = std::move(place);
  compacted_epoch_ = *oldest > 0 ? static_cast<uint64_t>(*oldest) - 1 : last_epoch_.load();
  if (finished) {
    segment_bytes_ -= run_->segment_bytes();
    run_place_.reset();
    run_.reset();
  }
  return {};
}

ledger_result<void> sqlite_ledger::move_key(const compacted_key& x, int64_t& keys) {
  if (x.state.empty()) {
    if (auto done = drop_state_.bind(1, x.entity).bind_blob(2, x.key).execute(compacting); !done)
      return done;
    keys -= sqlite3_changes(writer_.handle());
    return {};
  }
  auto replaced = replaced_;
  put_state_.bind(1, x.entity).bind_blob(2, x.key);
  put_state_.bind(3, state_checksum(x.entity, x.key, x.state)).bind_blob(4, x.state);
  if (auto done = put_state_.execute(compacting); !done)
    return done;
  keys += replaced == replaced_ ? 1 : 0;
  return {};
}

ledger_result<bool> sqlite_ledger::drop_entity_slice() {
  std::lock_guard guard{writer_mutex_};
  auto entity = writer_.number("SELECT min(id) FROM dropped_entity", compacting);
  if (!entity)
    return tl::unexpected(entity.error());
  if (*entity == 0)
    return false;
  auto begun = transaction::begin(writer_, compacting);
  if (!begun)
    return tl::unexpected(begun.error());
  auto sql = fmt::format("DELETE FROM state WHERE entity = {0} AND key IN "
                         "(SELECT key FROM state WHERE entity = {0} LIMIT 4096)",
                         *entity);
  if (auto done = writer_.run(sql.c_str(), compacting); !done)
    return tl::unexpected(done.error());
  auto dropped = sqlite3_changes(writer_.handle());
  auto keys = static_cast<int64_t>(keys_.load()) - dropped;
  if (auto done = put_count_.bind(1, keys).execute(compacting); !done)
    return tl::unexpected(done.error());
  sql = fmt::format("DELETE FROM dropped_entity WHERE id = {}", *entity);
  if (dropped == 0)
    if (auto done = writer_.run(sql.c_str(), compacting); !done)
      return tl::unexpected(done.error());
  if (auto done = begun->commit(compacting); !done)
    return tl::unexpected(done.error());
  keys_ = static_cast<uint64_t>(keys);
  return true;
}

ledger_result<void> sqlite_ledger::write_log_back() {
  // The log starts over once all of it was written back and nobody reads it.
  if (log_pages_ < written_back_pages_)
    written_back_pages_ = 0;
  auto unwritten = log_pages_ - written_back_pages_;
  if (unwritten * static_cast<uint64_t>(tuning_.page_size) < tuning_.checkpoint_bytes)
    return {};
  int in_log = 0, written = 0;
  auto code = sqlite3_wal_checkpoint_v2(maintenance_.handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE,
                                        &in_log, &written);
  if (code == SQLITE_BUSY)
    return {};
  if (code != SQLITE_OK)
    return tl::unexpected(maintenance_.failure("writing its log back"));
  written_back_pages_ = static_cast<uint64_t>(std::max(written, 0));
  return {};
}

} // namespace keyfold::store
