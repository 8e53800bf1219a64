#include "features/rows/packed_rows.hpp"

#include <algorithm>

namespace keyfold {

namespace {

// What an empty one may keep for the next row: a key that gets a row now and then should not ask
// for memory each time.
constexpr size_t kept_places = 4;
constexpr size_t kept_bytes = 160;
constexpr uint32_t least_waste = 256;

} // namespace

bool packed_rows::before(const place& a, const place& b) const noexcept {
  if (a.at != b.at)
    return a.at < b.at;
  if (a.tag != b.tag)
    return a.tag < b.tag;
  return row_of(a).bytes < row_of(b).bytes;
}

size_t packed_rows::count_until(event_time at) const noexcept {
  // Mostly it is asked about the first ones or the last ones, and what lies between is not in
  // cache.
  constexpr ptrdiff_t near = 3;
  auto begin = places_.begin() + first_;
  auto end = places_.end();
  if (begin == end || begin->at > at)
    return 0;
  for (auto looked = std::min(near, end - begin); looked > 0 && (end - 1)->at > at; --looked)
    --end;
  if ((end - 1)->at > at)
    end = std::upper_bound(begin, end, at, [](auto time, const auto& x) { return time < x.at; });
  return static_cast<size_t>(end - begin);
}

bool packed_rows::place_written(event_time at, uint32_t tag, size_t begin) {
  if (bytes_.size() > max_bytes) {
    // Room is made for many rows at once, since compaction passes over all of them.
    constexpr auto most_left = max_bytes / 8 * 7;
    if (bytes_.size() - wasted_ > most_left) {
      bytes_.resize(begin);
      return false;
    }
    auto written = bytes_.substr(begin);
    bytes_.resize(begin);
    compact();
    begin = bytes_.size();
    bytes_.append(written);
  }
  place added{at, tag, static_cast<uint32_t>(begin), static_cast<uint32_t>(bytes_.size() - begin)};
  auto to = places_.end();
  if (!empty() && before(added, places_.back()))
    to = std::upper_bound(places_.begin() + first_, places_.end(), added,
                          [&](const auto& a, const auto& b) { return before(a, b); });
  places_.insert(to, added);
  return true;
}

void packed_rows::erase(size_t i) {
  if (i == 0) {
    erase_front();
    return;
  }
  auto at = places_.begin() + static_cast<ptrdiff_t>(first_ + i);
  wasted_ += at->size;
  places_.erase(at);
  give_back();
}

void packed_rows::erase_front(size_t count) {
  for (size_t i = 0; i < count; ++i)
    wasted_ += places_[first_ + i].size;
  first_ += static_cast<uint32_t>(count);
  give_back();
}

void packed_rows::give_back() {
  if (empty()) {
    if (places_.capacity() > kept_places)
      places_ = {};
    if (bytes_.capacity() > kept_bytes)
      bytes_ = {};
    places_.clear();
    bytes_.clear();
    first_ = 0;
    wasted_ = 0;
    return;
  }
  if (first_ >= 16 && first_ > places_.size() / 2) {
    places_.erase(places_.begin(), places_.begin() + first_);
    first_ = 0;
  }
  if (wasted_ > least_waste && wasted_ > bytes_.size() / 2)
    compact();
}

void packed_rows::compact() {
  std::string kept;
  kept.reserve(bytes_.size() - wasted_);
  for (auto i = places_.begin() + first_; i != places_.end(); ++i) {
    auto begin = static_cast<uint32_t>(kept.size());
    kept.append(row_of(*i).bytes);
    i->begin = begin;
  }
  bytes_ = std::move(kept);
  wasted_ = 0;
}

void packed_rows::encode(byte_writer& out) const {
  out.varint(size());
  for (size_t i = 0; i < size(); ++i) {
    auto x = (*this)[i];
    out.time(x.at);
    out.varint(x.tag);
    out.text(x.bytes);
  }
}

size_t packed_rows::memory() const noexcept {
  auto outside = bytes_.capacity() > std::string{}.capacity() ? bytes_.capacity() + 1 : 0;
  return places_.capacity() * sizeof(place) + outside;
}

} // namespace keyfold
