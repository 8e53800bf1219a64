#include "features/event_batch.hpp"

#include "features/entity_key.hpp"
#include "features/timestamp_format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace keyfold {

event_batch_builder::event_batch_builder(std::shared_ptr<const stream_schema> schema,
                                         size_t expected_rows)
    : schema_(std::move(schema)), expected_rows_(expected_rows) {
  for (uint32_t i = 0; i < schema_->fields.size(); ++i) {
    if (!schema_->fields[i].nullable)
      required_.push_back(i);
    if (schema_->fields[i].derived && schema_->fields[i].stage == 0)
      derived_.push_back(i);
  }
}

std::span<cell> event_batch_builder::begin_row() {
  auto width = schema_->fields.size();
  auto size = cells_.size() + width;
  if (size > cells_.capacity())
    cells_.reserve(std::max(cells_.capacity() * 2, std::max(expected_rows_, size_t{1}) * width));
  if (times_.size() == times_.capacity())
    times_.reserve(std::max(times_.capacity() * 2, std::max(expected_rows_, size_t{1})));
  cells_.resize(size);
  row_text_ = text_.now();
  return current_row();
}

std::span<cell> event_batch_builder::current_row() noexcept {
  auto width = schema_->fields.size();
  return {cells_.data() + cells_.size() - width, width};
}

void event_batch_builder::abandon_row() {
  cells_.resize(cells_.size() - schema_->fields.size());
  text_.rewind(row_text_);
}

std::optional<error> event_batch_builder::missing_field(std::span<const cell> row) const {
  for (auto i : required_)
    if (row[i].is_null())
      return error{fmt::format("field `{}` is required but null", schema_->fields[i].name)};
  return std::nullopt;
}

namespace {

std::string names_of(const stream_schema& schema, const stream_key& key) {
  std::string out;
  for (auto i : key.columns)
    out += fmt::format("{}`{}`", out.empty() ? "" : ", ", schema.fields[i].name);
  return out;
}

bool is_text(cell_kind x) noexcept {
  return x == cell_kind::string || x == cell_kind::bytes;
}

/// At least the bytes that the key's text will have: every byte may have to be escaped, and a
/// number, a time or a truth value takes no more than 64.
size_t most_key_bytes(std::span<const cell> row, const stream_key& key) noexcept {
  size_t out = 0;
  for (auto i : key.columns)
    out += 1 + (is_text(row[i].kind()) ? 2 * row[i].as_text().size() : 64);
  return out;
}

} // namespace

std::optional<error> event_batch_builder::unusable_key(std::span<const cell> row) {
  auto found = schema_->keys.empty();
  for (const auto& key : schema_->keys) {
    auto is_null = [&](uint32_t i) { return row[i].is_null(); };
    if (std::any_of(key.columns.begin(), key.columns.end(), is_null))
      continue;
    found = true;
    if (most_key_bytes(row, key) <= schema_->max_key_bytes)
      continue;
    key_.clear();
    for (auto i : key.columns)
      key_.push_back(row[i]);
    key_text_.clear();
    append_entity_key(key_, key_text_);
    if (key_text_.size() > schema_->max_key_bytes)
      return error{fmt::format("the key of entity `{}` ({}) has {} bytes, more than "
                               "`limits.max_key_bytes` ({}) allows",
                               key.entity, names_of(*schema_, key), key_text_.size(),
                               schema_->max_key_bytes)};
  }
  if (found)
    return std::nullopt;
  const auto& key = schema_->keys.front();
  return error{fmt::format("the row has the key of no entity: that of `{}` is {}, and null",
                           key.entity, names_of(*schema_, key))};
}

result<event_time> event_batch_builder::time_of(std::span<const cell> row,
                                                std::optional<event_time> source_time) const {
  if (!schema_->time.field) {
    if (!source_time)
      return fail(fmt::format("the record carries no time: name a time field in stream `{}`",
                              schema_->name));
    if (!is_timestamp(*source_time))
      return fail("the record's time is outside the years 1 to 9999");
    return *source_time;
  }
  const auto& value = row[*schema_->time.field];
  const auto& name = schema_->fields[*schema_->time.field].name;
  if (value.kind() != cell_kind::timestamp)
    return fail(fmt::format("field `{}` is the event's time but null", name));
  if (!is_timestamp(value.as_timestamp()))
    return fail(fmt::format("field `{}`, the event's time, is outside the years 1 to 9999", name));
  return value.as_timestamp();
}

result<event_batch_builder::outcome>
event_batch_builder::finish_row(std::optional<event_time> source_time) {
  auto row = current_row();
  // A derived text has to live as long as the batch: the arena of the rows is where it is made.
  for (auto i : derived_)
    row[i] = schema_->fields[i].derived->evaluate(row, text_);
  if (schema_->where && schema_->where_stage == 0) {
    scratch_.clear();
    if (!schema_->where->holds(row, scratch_)) {
      abandon_row();
      return outcome::filtered;
    }
  }
  if (auto missing = missing_field(row)) {
    abandon_row();
    return tl::unexpected{*std::move(missing)};
  }
  if (auto unusable = unusable_key(row)) {
    abandon_row();
    return tl::unexpected{*std::move(unusable)};
  }
  auto time = time_of(row, source_time);
  if (!time) {
    abandon_row();
    return tl::unexpected{std::move(time).error()};
  }
  times_.push_back(*time);
  return outcome::accepted;
}

event_batch_ptr event_batch_builder::build() {
  return std::make_shared<const event_batch>(
      schema_, std::exchange(cells_, {}), std::exchange(times_, {}), std::exchange(text_, arena{}));
}

} // namespace keyfold
