#include "connectors/postgres/row_batch.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace keyfold::postgres {

namespace {

bool fits(const cell& x, const data_type& type) noexcept {
  return x.is_null()
         || (x.kind() == cell_kind_of(type.kind)
             && (x.kind() != cell_kind::decimal || x.scale() == type.scale));
}

} // namespace

row_batch::row_batch(std::vector<bound_column> columns) : columns_(std::move(columns)) {
  while (key_columns_ < columns_.size() && columns_[key_columns_].from.is_key)
    ++key_columns_;
  written_.resize(columns_.size());
  erased_.resize(key_columns_);
}

void row_batch::clear() {
  for (auto* of : {&written_, &erased_})
    for (auto& x : *of) {
      x.bytes.clear();
      x.ends.clear();
    }
  places_.clear();
  by_key_.clear();
  bytes_ = 0;
  replaced_ = 0;
}

bool row_batch::add(const change& x, uint64_t number) {
  auto& to = x.erased ? erased_ : written_;
  auto cell_of = [&](const written_column& column) -> const cell& {
    return (column.of_key ? x.key : x.values)[column.place];
  };
  for (size_t i = 0; i < to.size(); ++i)
    if (!fits(cell_of(columns_[i].from), columns_[i].from.type))
      return false;
  for (size_t i = 0; i < to.size(); ++i) {
    const auto& column = columns_[i];
    auto before = to[i].bytes.size();
    append_element(cell_of(column.from), column.as, column.from.type, to[i].bytes);
    to[i].ends.push_back(to[i].bytes.size());
    bytes_ += to[i].bytes.size() - before;
  }
  auto row = static_cast<uint32_t>(to.empty() ? 0 : to.front().ends.size() - 1);
  places_.push_back({number, row, x.erased, false});
  if (key_columns_ != 0)
    note_key(to, row);
  return true;
}

void row_batch::note_key(std::vector<elements>& of, uint32_t row) {
  key_.clear();
  for (size_t i = 0; i < key_columns_; ++i) {
    auto from = row == 0 ? 0 : of[i].ends[row - 1];
    key_.append(of[i].bytes, from, of[i].ends[row] - from);
  }
  auto now = places_.size() - 1;
  auto [known, is_new] = by_key_.try_emplace(key_, now);
  if (is_new)
    return;
  places_[known->second].replaced = true;
  known->second = now;
  ++replaced_;
}

size_t row_batch::erased() const noexcept {
  return static_cast<size_t>(std::count_if(places_.begin(), places_.end(),
                                           [](const auto& x) { return x.erased && !x.replaced; }));
}

std::vector<std::string> row_batch::arrays(const std::vector<elements>& from, bool erased,
                                           size_t first, size_t last) const {
  uint32_t count = 0;
  auto wanted = [&](const place& x) { return x.erased == erased && !x.replaced; };
  for (size_t i = first; i < last; ++i)
    count += wanted(places_[i]) ? 1 : 0;
  std::vector<std::string> out(count == 0 ? 0 : from.size());
  for (size_t column = 0; column < out.size(); ++column) {
    const auto& kept = from[column];
    append_array_header(count, true, columns_[column].as, out[column]);
    if (count == kept.ends.size()) {
      out[column] += kept.bytes;
      continue;
    }
    for (size_t i = first; i < last; ++i) {
      if (!wanted(places_[i]))
        continue;
      auto row = places_[i].row;
      auto begin = row == 0 ? 0 : kept.ends[row - 1];
      out[column].append(kept.bytes, begin, kept.ends[row] - begin);
    }
  }
  return out;
}

std::vector<std::string> row_batch::upserts(size_t first, size_t last) const {
  return arrays(written_, false, first, last);
}

std::vector<std::string> row_batch::deletes(size_t first, size_t last) const {
  return arrays(erased_, true, first, last);
}

} // namespace keyfold::postgres
