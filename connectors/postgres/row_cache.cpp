#include "connectors/postgres/row_cache.hpp"

namespace keyfold::postgres {

std::string key_bytes(std::span<const cell> key) {
  std::string out;
  byte_writer writer{out};
  for (const auto& x : key)
    writer.value(x);
  return out;
}

const row_cache::entry* row_cache::find(const std::string& key, time now) {
  auto found = entries_.find(key);
  if (found == entries_.end() || found->second.until <= now)
    return nullptr;
  by_use_.splice(by_use_.end(), by_use_, found->second.use);
  return &found->second;
}

void row_cache::put(const std::string& key, bool found, std::span<const cell> cells, time until) {
  auto [at, is_new] = entries_.try_emplace(key);
  auto& x = at->second;
  if (is_new)
    x.use = by_use_.insert(by_use_.end(), &at->first);
  else
    bytes_ -= size_of(at->first, x);
  x.cells.clear();
  byte_writer writer{x.cells};
  for (const auto& value : cells)
    writer.value(value);
  x.found = found;
  x.until = until;
  by_use_.splice(by_use_.end(), by_use_, x.use);
  bytes_ += size_of(at->first, x);
}

size_t row_cache::trim() {
  size_t gone = 0;
  while (!by_use_.empty() && (entries_.size() > bounds_.max_rows || bytes_ > bounds_.max_bytes)) {
    auto at = entries_.find(*by_use_.front());
    bytes_ -= size_of(at->first, at->second);
    by_use_.pop_front();
    entries_.erase(at);
    ++gone;
  }
  return gone;
}

} // namespace keyfold::postgres
