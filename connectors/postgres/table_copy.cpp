#include "connectors/postgres/table_copy.hpp"

#include "connectors/postgres/row_cache.hpp"
#include "features/byte_codec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace keyfold::postgres {

namespace {

/// What rows are of that lack some, for want of room: nothing that another process goes on with.
constexpr const char* not_whole = "not whole";

} // namespace

bool table_copy::look_up(const lookup_request& x) {
  std::shared_lock guard{mutex_};
  if (!loaded_)
    return false;
  auto width = key_.size();
  auto fields = x.fields.size();
  std::vector<cell> cells(columns_.size());
  arena memory;
  for (size_t i = 0; i < x.found.size(); ++i) {
    auto key = x.keys.subspan(i * width, width);
    std::fill_n(x.values.begin() + static_cast<ptrdiff_t>(i * fields), fields, cell{});
    auto null =
        std::any_of(key.begin(), key.end(), [](const auto& part) { return part.is_null(); });
    auto found = null ? rows_.end() : rows_.find(key_bytes(key));
    x.found[i] = found == rows_.end() || found->second.row.empty() ? 0 : 1;
    if (x.found[i] == 0)
      continue;
    memory.clear();
    byte_reader reader{found->second.row};
    for (auto& value : cells)
      value = reader.value(memory);
    for (size_t field = 0; field < fields; ++field)
      x.values[i * fields + field] = x.text.copy(cells[x.fields[field]]);
  }
  return true;
}

std::string table_copy::problem() const {
  std::shared_lock guard{mutex_};
  return loaded_ ? std::string{} : fmt::format("the table `{}` is not loaded yet", name_);
}

void table_copy::mark(entry& x) {
  if (std::exchange(x.second.dirty, true))
    return;
  dirty_.push_back(&x);
  ++marked_;
}

bool table_copy::put(std::string&& key, std::string&& row) {
  auto found = rows_.find(key);
  auto deleted = found != rows_.end() && found->second.row.empty();
  auto fresh = found == rows_.end() || deleted;
  auto before = fresh ? size_t{0} : size_of(key, found->second.row);
  auto bytes = bytes_ - before + size_of(key, row);
  if (bytes > bounds_.max_bytes || (fresh && rows_.size() - deleted_ >= bounds_.max_rows)) {
    if (!fresh)
      erase(*found); // what it was is no answer any more
    return false;
  }
  bytes_ = bytes;
  if (found == rows_.end())
    found = rows_.try_emplace(std::move(key)).first;
  if (deleted) {
    --deleted_;
    deleted_bytes_ -= size_of(found->first, {});
  }
  found->second.row = std::move(row);
  mark(*found);
  return true;
}

void table_copy::erase(entry& x) {
  if (x.second.row.empty())
    return;
  bytes_ -= size_of(x.first, x.second.row);
  std::string{}.swap(x.second.row);
  ++deleted_;
  deleted_bytes_ += size_of(x.first, {});
  mark(x);
}

size_t table_copy::apply(std::vector<step>&& steps, pgoutput::lsn before) {
  size_t refused = 0;
  std::lock_guard alone{changing_};
  if (now_)
    now_->ahead = std::max(now_->ahead, static_cast<int64_t>(before));
  std::unique_lock guard{mutex_};
  for (auto& x : steps)
    switch (x.is) {
    case step::kind::put:
      refused += put(std::move(x.key), std::move(x.row)) ? 0 : 1;
      break;
    case step::kind::erase:
      if (auto found = rows_.find(x.key); found != rows_.end())
        erase(*found);
      break;
    case step::kind::clear:
      for (auto& row : rows_)
        erase(row);
      break;
    }
  if (refused != 0 && now_)
    now_->of = not_whole;
  return refused;
}

void table_copy::replace(std::vector<step>&& rows, table_position at) {
  std::lock_guard alone{changing_}; // nobody else changes what is read here
  row_map made;
  made.reserve(rows.size());
  size_t bytes = 0;
  for (auto& x : rows) {
    auto before = rows_.find(x.key);
    auto known = before != rows_.end() && !before->second.dirty && before->second.row == x.row;
    auto [place, fresh] = made.try_emplace(std::move(x.key));
    bytes += size_of(place->first, x.row) - (fresh ? 0 : size_of(place->first, place->second.row));
    place->second = {std::move(x.row), !known};
  }
  size_t deleted = 0;
  size_t deleted_bytes = 0;
  for (const auto& [key, x] : rows_)
    if (made.try_emplace(key, held{{}, true}).second) {
      ++deleted;
      deleted_bytes += size_of(key, {});
    }
  dirty_.clear();
  for (auto& x : made)
    if (x.second.dirty)
      dirty_.push_back(&x);
  marked_ = given_ + dirty_.size();
  deleted_ = deleted;
  deleted_bytes_ = deleted_bytes;
  now_ = std::move(at);
  taken_ = durable_ = std::nullopt;
  goal_.reset();
  left_out_ = false;
  std::unique_lock guard{mutex_};
  rows_.swap(made);
  bytes_ = bytes;
  loaded_ = true;
}

std::optional<std::string> table_copy::row(const std::string& key) const {
  std::shared_lock guard{mutex_};
  auto found = rows_.find(key);
  return found == rows_.end() || found->second.row.empty() ? std::nullopt
                                                           : std::optional{found->second.row};
}

size_t table_copy::rows() const {
  std::lock_guard alone{changing_};
  return rows_.size() - deleted_;
}

size_t table_copy::bytes() const {
  std::lock_guard alone{changing_};
  return bytes_;
}

// --- what the ledger hears -----------------------------------------------------------------------

void table_copy::restore(std::optional<table_position> position) {
  std::lock_guard alone{changing_};
  now_ = taken_ = durable_ = std::move(position);
}

void table_copy::restore_row(std::string_view key, std::string_view row) {
  std::lock_guard alone{changing_};
  std::unique_lock guard{mutex_};
  auto& made = *rows_.try_emplace(std::string{key}).first;
  auto bytes = bytes_ + size_of(key, row);
  if (bytes <= bounds_.max_bytes && rows_.size() - deleted_ <= bounds_.max_rows) {
    made.second.row = row;
    bytes_ = bytes;
    return;
  }
  // The bounds were wider: the ledger is to forget what they do not allow, and the table is read.
  ++deleted_;
  deleted_bytes_ += size_of(made.first, {});
  left_out_ = true;
  mark(made);
}

std::optional<pgoutput::lsn> table_copy::resume(const std::string& of) {
  std::lock_guard alone{changing_};
  if (!now_ || now_->of != of || left_out_)
    return std::nullopt;
  std::unique_lock guard{mutex_};
  loaded_ = true;
  return static_cast<pgoutput::lsn>(now_->next);
}

pgoutput::lsn table_copy::ahead() const {
  std::lock_guard alone{changing_};
  return now_ ? static_cast<pgoutput::lsn>(now_->ahead) : 0;
}

void table_copy::reached(pgoutput::lsn position) {
  std::lock_guard alone{changing_};
  if (now_)
    now_->next = static_cast<int64_t>(position);
}

/// Whether the position in the ledger goes on to one that it might have.
bool table_copy::moves(int64_t to, bool last) const {
  /// Log that passed without a change of the table, after which the server may forget it.
  constexpr int64_t much_log = 16 << 20;
  return !taken_ || rows_given_ || to - taken_->next >= much_log || (last && to != taken_->next);
}

table_share table_copy::take(size_t max_bytes, bool last, const row_sink& to) {
  std::lock_guard alone{changing_};
  if (!now_)
    return {};
  // Rows that change again while others are given must not hold the position back for ever.
  if (!goal_)
    goal_ = goal{marked_, now_->next};
  std::vector<entry*> deleted;
  for (size_t bytes = 0; !dirty_.empty() && bytes < max_bytes; ++given_) {
    auto& x = *dirty_.front();
    dirty_.pop_front();
    to(x.first, x.second.row);
    bytes += x.first.size() + x.second.row.size() + 8;
    x.second.dirty = false;
    rows_given_ = true;
    if (x.second.row.empty())
      deleted.push_back(&x);
  }
  drop_deleted(deleted);
  // The ledger's rows are no further than those in memory, from which some of them were just taken.
  if (taken_ && rows_given_)
    taken_->ahead = now_->ahead;
  if (given_ >= goal_->given) {
    auto covered = dirty_.empty() ? now_->next : goal_->position;
    goal_.reset();
    if (moves(covered, last)) {
      taken_ = table_position{now_->of, covered, now_->ahead};
      rows_given_ = !dirty_.empty();
    }
  }
  return {taken_, !dirty_.empty()};
}

void table_copy::drop_deleted(const std::vector<entry*>& which) {
  if (which.empty())
    return;
  std::unique_lock guard{mutex_};
  for (auto* x : which) {
    --deleted_;
    deleted_bytes_ -= size_of(x->first, {});
    rows_.erase(rows_.find(x->first));
  }
}

void table_copy::committed() {
  std::lock_guard alone{changing_};
  durable_ = taken_;
}

pgoutput::lsn table_copy::durable() const {
  std::lock_guard alone{changing_};
  return durable_ ? static_cast<pgoutput::lsn>(durable_->next) : 0;
}

bool table_copy::crowded() const {
  std::lock_guard alone{changing_};
  return deleted_ > bounds_.max_rows || deleted_bytes_ > bounds_.max_bytes;
}

} // namespace keyfold::postgres
