#include "store/compaction.hpp"

#include "store/checksum.hpp"
#include "store/key_state.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace keyfold::store {

uint64_t segment_checksum(uint64_t epoch, int64_t entity, std::string_view pairs) {
  return checksum(pairs, epoch << 16 ^ static_cast<uint64_t>(entity));
}

int32_t state_checksum(int64_t entity, std::string_view key, std::string_view state) {
  return static_cast<int32_t>(
      static_cast<uint32_t>(checksum(state, checksum(key, static_cast<uint64_t>(entity)))));
}

ledger_result<std::string_view> checked_pairs(const statement& query, const std::string& path) {
  auto pairs = query.blob(4);
  if (segment_checksum(static_cast<uint64_t>(query.number(1)), query.number(2), pairs)
      != static_cast<uint64_t>(query.number(3)))
    return tl::unexpected(
        damaged(path, fmt::format("segment {} of epoch {}", query.number(0), query.number(1))));
  return pairs;
}

ledger_result<void> compaction_run::add(const statement& query, const std::string& path,
                                        const std::vector<int64_t>& live) {
  auto pairs = checked_pairs(query, path);
  if (!pairs)
    return tl::unexpected(pairs.error());
  last_segment_ = query.number(0);
  segment_bytes_ += pairs->size();
  auto entity = query.number(2);
  if (!std::binary_search(live.begin(), live.end(), entity))
    return {};
  blobs_.emplace_back(*pairs);
  key_state_cursor cursor{blobs_.back()};
  while (cursor.next())
    entries_.push_back({entity, cursor.key(), cursor.state()});
  if (!cursor.good())
    return tl::unexpected(damaged(path, fmt::format("segment {}", last_segment_)));
  return {};
}

void compaction_run::keep_newest() {
  // Later entries are newer, and a stable sort keeps them behind their elders.
  std::stable_sort(entries_.begin(), entries_.end(), [](const entry& a, const entry& b) {
    return a.entity != b.entity ? a.entity < b.entity : a.key < b.key;
  });
  auto same = [](const entry& a, const entry& b) { return a.entity == b.entity && a.key == b.key; };
  size_t kept = 0;
  for (size_t i = 0; i < entries_.size(); ++i)
    if (i + 1 == entries_.size() || !same(entries_[i], entries_[i + 1]))
      entries_[kept++] = entries_[i];
  entries_.resize(kept);
}

ledger_result<std::optional<compaction_run>>
compaction_run::collect(const database& reader, size_t max_bytes,
                        const std::vector<int64_t>& live) {
  constexpr auto doing = "reading segments for compaction";
  auto query = statement::prepare(
      reader, "SELECT id, epoch, entity, checksum, pairs, size FROM segment ORDER BY id");
  if (!query)
    return tl::unexpected(query.error());
  compaction_run run;
  for (;;) {
    auto row = query->step(doing);
    if (!row)
      return tl::unexpected(row.error());
    if (!*row)
      break;
    if (run.last_segment_ != 0
        && run.segment_bytes_ + static_cast<uint64_t>(query->number(5)) > max_bytes)
      break;
    if (auto done = run.add(*query, reader.path(), live); !done)
      return tl::unexpected(done.error());
  }
  if (run.last_segment_ == 0)
    return std::nullopt;
  run.keep_newest();
  return run;
}

} // namespace keyfold::store
