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

namespace {

int compare(const compacted_key& a, const compacted_key& b) {
  if (a.entity != b.entity)
    return a.entity < b.entity ? -1 : 1;
  return a.key.compare(b.key);
}

} // namespace

compacted_key compaction_run::sorted_segment::at(size_t place) const {
  key_state_cursor cursor{std::string_view{pairs}.substr(keys[place])};
  cursor.next();
  return {entity, cursor.key(), cursor.state()};
}

/// Sorts by key and keeps the last of equal ones.
void compaction_run::sorted_segment::keep_newest() {
  auto key_at = [this](uint32_t where) {
    key_state_cursor cursor{std::string_view{pairs}.substr(where)};
    cursor.next();
    return cursor.key();
  };
  std::sort(keys.begin(), keys.end(), [&](uint32_t a, uint32_t b) {
    auto order = key_at(a).compare(key_at(b));
    return order != 0 ? order < 0 : a < b;
  });
  size_t kept = 0;
  for (size_t i = 0; i < keys.size(); ++i)
    if (i + 1 == keys.size() || key_at(keys[i]) != key_at(keys[i + 1]))
      keys[kept++] = keys[i];
  keys.resize(kept);
  keys.shrink_to_fit();
}

ledger_result<void> compaction_run::add(const statement& query, const std::string& path,
                                        const std::vector<int64_t>& live) {
  auto pairs = checked_pairs(query, path);
  if (!pairs)
    return tl::unexpected(pairs.error());
  auto id = query.number(0);
  auto entity = query.number(2);
  if (std::binary_search(live.begin(), live.end(), entity)) {
    sorted_segment segment{entity, std::string{*pairs}, {}};
    key_state_cursor cursor{segment.pairs};
    for (auto at = cursor.position(); cursor.next(); at = cursor.position())
      segment.keys.push_back(static_cast<uint32_t>(at - segment.pairs.data()));
    if (!cursor.good())
      return tl::unexpected(damaged(path, fmt::format("segment {}", id)));
    segment.keep_newest();
    segments_.push_back(std::move(segment));
  }
  last_segment_ = id;
  segment_bytes_ += pairs->size();
  return {};
}

bool compaction_run::later(const place& at, size_t a, size_t b) const {
  auto order = compare(segments_[a].at(at.next[a]), segments_[b].at(at.next[b]));
  return order != 0 ? order > 0 : a < b; // of equal keys the newest segment's comes first
}

void compaction_run::push(place& to, size_t segment) const {
  if (to.next[segment] == segments_[segment].keys.size())
    return;
  to.queue.push_back(segment);
  std::push_heap(to.queue.begin(), to.queue.end(),
                 [&](size_t a, size_t b) { return later(to, a, b); });
}

size_t compaction_run::pop(place& from) const {
  std::pop_heap(from.queue.begin(), from.queue.end(),
                [&](size_t a, size_t b) { return later(from, a, b); });
  auto segment = from.queue.back();
  from.queue.pop_back();
  return segment;
}

compaction_run::place compaction_run::begin() const {
  place result{std::vector<size_t>(segments_.size()), {}};
  for (size_t i = 0; i < segments_.size(); ++i)
    push(result, i);
  return result;
}

std::optional<compacted_key> compaction_run::take(place& from) const {
  if (from.queue.empty())
    return std::nullopt;
  auto newest = pop(from);
  auto result = segments_[newest].at(from.next[newest]++);
  push(from, newest);
  while (!from.queue.empty()) {
    auto top = from.queue.front();
    if (compare(segments_[top].at(from.next[top]), result) != 0)
      break;
    pop(from);
    ++from.next[top];
    push(from, top);
  }
  return result;
}

} // namespace keyfold::store
