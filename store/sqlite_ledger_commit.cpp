#include "store/checksum.hpp"
#include "store/key_state.hpp"
#include "store/sqlite_ledger.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace keyfold::store {

namespace {

constexpr auto committing = "committing an epoch";

uint64_t outbox_checksum(std::string_view log, std::string_view output, uint64_t epoch,
                         int64_t part) {
  return checksum(log, checksum(output, epoch) + static_cast<uint64_t>(part));
}

} // namespace

std::vector<position_row> sqlite_ledger::positions() const {
  std::lock_guard guard{writer_mutex_};
  std::vector<position_row> result;
  for (auto& entry : positions_)
    result.push_back(entry.second);
  return result;
}

ledger_result<void> sqlite_ledger::commit(const epoch_commit& x) {
  {
    ++waiting_commits_;
    std::lock_guard guard{writer_mutex_};
    --waiting_commits_;
    if (options_.read_only || x.epoch != last_epoch_ + 1)
      return tl::unexpected(ledger_error{fmt::format(
          "ledger \"{}\": epoch {} cannot be committed after epoch {}{}", options_.path, x.epoch,
          last_epoch_.load(), options_.read_only ? " to a read-only ledger" : "")});
    position_map next;
    for (auto& row : x.positions)
      next[{row.stream, row.partition}] = row;
    if (auto done = write_epoch(x, next); !done)
      return done;
    positions_ = std::move(next);
    segment_bytes_ += epoch_segment_bytes_;
    outbox_bytes_ += epoch_outbox_bytes_;
    if (epoch_segment_bytes_ == 0 && compacted_epoch_ == last_epoch_)
      compacted_epoch_ = x.epoch;
    last_epoch_ = x.epoch;
    // Only where nobody calls `compact`: the log would grow without end.
    if (log_pages_ * static_cast<uint64_t>(tuning_.page_size) > tuning_.checkpoint_limit_bytes)
      sqlite3_wal_checkpoint_v2(writer_.handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr,
                                nullptr);
  }
  // The epoch is in the store whatever becomes of this: its errors come back with the next one.
  while (segment_bytes_ > segment_limit())
    if (auto more = compact(std::chrono::milliseconds{500}); !more || !*more)
      break;
  return {};
}

uint64_t sqlite_ledger::segment_limit() const {
  std::error_code ignored;
  auto file = std::filesystem::file_size(options_.path, ignored);
  if (ignored)
    return tuning_.segment_limit_bytes;
  auto elsewhere = segment_bytes_ + outbox_bytes_;
  auto compacted = file > elsewhere ? file - elsewhere : 0;
  return std::max(tuning_.segment_limit_bytes, compacted * tuning_.segment_limit_ratio);
}

ledger_result<void> sqlite_ledger::write_epoch(const epoch_commit& x, const position_map& next) {
  epoch_segment_bytes_ = epoch_outbox_bytes_ = 0;
  if (auto done = writer_.run("PRAGMA synchronous=FULL", committing); !done)
    return done;
  auto begun = transaction::begin(writer_, committing);
  if (!begun)
    return tl::unexpected(begun.error());
  if (auto done = write_positions(x.positions, next); !done)
    return done;
  for (auto& segment : x.segments)
    if (auto done = write_segment(x.epoch, segment); !done)
      return done;
  for (auto& row : x.outbox)
    if (auto done = write_outbox(x.epoch, row); !done)
      return done;
  put_epoch_.bind(1, static_cast<int64_t>(x.epoch));
  put_epoch_.bind(2, static_cast<int64_t>(epoch_checksum(x.epoch, next)));
  if (auto done = put_epoch_.execute(committing); !done)
    return done;
  return begun->commit(committing);
}

ledger_result<void> sqlite_ledger::write_positions(const std::vector<position_row>& rows,
                                                   const position_map& next) {
  for (auto& x : rows) {
    auto old = positions_.find({x.stream, x.partition});
    if (old != positions_.end() && position_checksum(old->second) == position_checksum(x))
      continue;
    put_position_.bind_text(1, x.stream).bind_text(2, x.partition);
    put_position_.bind(3, x.next).bind(4, x.max_time_us).bind(5, x.ended ? 1 : 0);
    put_position_.bind(6, static_cast<int64_t>(position_checksum(x)));
    if (auto done = put_position_.execute(committing); !done)
      return done;
  }
  for (auto& [name, row] : positions_)
    if (!next.contains(name))
      if (auto done = drop_position_.bind_text(1, row.stream)
                          .bind_text(2, row.partition)
                          .execute(committing);
          !done)
        return done;
  return {};
}

ledger_error sqlite_ledger::malformed(uint64_t epoch) const {
  return {
      fmt::format("ledger \"{}\": epoch {} was not committed: a segment of it is malformed or of "
                  "an unknown entity, a defect of this program: please report it",
                  options_.path, epoch)};
}

ledger_result<void> sqlite_ledger::write_segment(uint64_t epoch, const state_segment& x) {
  if (x.entity >= entity_ids_.size())
    return tl::unexpected(malformed(epoch));
  auto entity = entity_ids_[x.entity];
  key_state_cursor cursor{x.pairs};
  auto* begin = x.pairs.data();
  auto* end = begin; // of the pairs that are known to fit
  while (cursor.next()) {
    if (end != begin && static_cast<size_t>(cursor.position() - begin) > tuning_.chunk_bytes) {
      if (auto done = write_chunk(epoch, entity, {begin, static_cast<size_t>(end - begin)}); !done)
        return done;
      begin = end;
    }
    end = cursor.position();
  }
  if (!cursor.good())
    return tl::unexpected(malformed(epoch));
  return begin == end ? ledger_result<void>{}
                      : write_chunk(epoch, entity, {begin, static_cast<size_t>(end - begin)});
}

ledger_result<void> sqlite_ledger::write_chunk(uint64_t epoch, int64_t entity,
                                               std::string_view pairs) {
  put_segment_.bind(1, static_cast<int64_t>(epoch)).bind(2, entity);
  put_segment_.bind(3, static_cast<int64_t>(segment_checksum(epoch, entity, pairs)));
  put_segment_.bind(4, static_cast<int64_t>(pairs.size())).bind_blob(5, pairs);
  epoch_segment_bytes_ += pairs.size();
  return put_segment_.execute(committing);
}

ledger_result<void> sqlite_ledger::write_outbox(uint64_t epoch, const outbox_row& x) {
  auto parts = (x.log.size() + tuning_.chunk_bytes - 1) / tuning_.chunk_bytes;
  for (size_t part = 0; part < parts; ++part) {
    auto log = std::string_view{x.log}.substr(part * tuning_.chunk_bytes, tuning_.chunk_bytes);
    auto number = static_cast<int64_t>(part);
    put_outbox_.bind_text(1, x.output).bind(2, static_cast<int64_t>(epoch));
    put_outbox_.bind(3, number).bind(4, static_cast<int64_t>(parts));
    put_outbox_.bind(5, static_cast<int64_t>(outbox_checksum(log, x.output, epoch, number)));
    put_outbox_.bind(6, static_cast<int64_t>(log.size())).bind_blob(7, log);
    if (auto done = put_outbox_.execute(committing); !done)
      return done;
  }
  epoch_outbox_bytes_ += x.log.size();
  return {};
}

ledger_result<std::vector<std::pair<uint64_t, uint64_t>>>
sqlite_ledger::pending(const std::string& output) {
  constexpr auto doing = "listing the outbox";
  auto marked = published(output);
  if (!marked)
    return tl::unexpected(marked.error());
  std::lock_guard guard{writer_mutex_};
  std::vector<std::pair<uint64_t, uint64_t>> result;
  list_pending_.bind_text(1, output).bind(2, static_cast<int64_t>(marked->epoch));
  for (;;) {
    auto row = list_pending_.step(doing);
    if (!row)
      return tl::unexpected(row.error());
    if (!*row)
      break;
    result.emplace_back(list_pending_.number(0), list_pending_.number(1));
  }
  list_pending_.reset();
  return result;
}

ledger_result<std::string> sqlite_ledger::read_outbox(const std::string& output, uint64_t epoch) {
  constexpr auto doing = "reading the outbox";
  std::lock_guard guard{writer_mutex_};
  std::string result;
  int64_t part = 0, parts = 0;
  get_outbox_.bind_text(1, output).bind(2, static_cast<int64_t>(epoch));
  for (;; ++part) {
    auto row = get_outbox_.step(doing);
    if (!row)
      return tl::unexpected(row.error());
    if (!*row)
      break;
    auto log = get_outbox_.blob(3);
    parts = get_outbox_.number(1);
    auto sound = get_outbox_.number(0) == part
                 && outbox_checksum(log, output, epoch, part)
                        == static_cast<uint64_t>(get_outbox_.number(2));
    if (!sound)
      break;
    result.append(log);
  }
  get_outbox_.reset();
  if (part != parts)
    return tl::unexpected(
        damaged(options_.path, fmt::format("the outbox of {} in epoch {}", output, epoch)));
  return result;
}

ledger_result<void> sqlite_ledger::mark_published(const std::string& output,
                                                  const published_mark& mark, durability how) {
  constexpr auto doing = "marking an epoch published";
  std::lock_guard guard{writer_mutex_};
  // A mark lost to a power failure is as if the power had failed before it was made: the output's
  // own marker tells. No wait for the disk, unless it is asked for.
  auto* setting =
      how == durability::at_once ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL";
  if (auto done = writer_.run(setting, doing); !done)
    return done;
  auto begun = transaction::begin(writer_, doing);
  if (!begun)
    return tl::unexpected(begun.error());
  auto number = static_cast<int64_t>(mark.epoch);
  if (auto done = drop_outbox_.bind_text(1, output).bind(2, number).execute(doing); !done)
    return done;
  put_published_.bind_text(1, output).bind(2, number).bind_text(3, mark.position);
  if (auto done = put_published_.execute(doing); !done)
    return done;
  auto left = writer_.number("SELECT sum(size) FROM outbox", doing);
  if (!left)
    return tl::unexpected(left.error());
  if (auto done = begun->commit(doing); !done)
    return done;
  outbox_bytes_ = static_cast<uint64_t>(*left);
  return {};
}

ledger_result<published_mark> sqlite_ledger::published(const std::string& output) {
  std::lock_guard guard{writer_mutex_};
  auto row = get_published_.bind_text(1, output).step("reading what was published");
  if (!row)
    return tl::unexpected(row.error());
  published_mark result;
  if (*row)
    result = {static_cast<uint64_t>(get_published_.number(0)), std::string{get_published_.blob(1)}};
  get_published_.reset();
  return result;
}

} // namespace keyfold::store
