#include "connectors/formats/text_decoder.hpp"

#include "connectors/formats/text_value.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace keyfold {

text_decoder::text_decoder(std::shared_ptr<const stream_schema> schema,
                           const record_format_settings& settings)
    : schema_(std::move(schema)), part_separator_(settings.part_separator),
      value_separator_(settings.value_separator) {
  for (uint32_t i = 0; i < schema_->fields.size(); ++i) {
    auto& field = schema_->fields[i];
    if (field.decoded())
      wanted_.push_back({field.path.empty() ? field.name : field.path.front(), i});
  }
}

std::optional<error> text_decoder::read_record(std::string_view record, std::span<cell> row,
                                               arena& memory) {
  keys_.clear();
  while (!record.empty() && record.back() == part_separator_)
    record.remove_suffix(1);
  while (!record.empty()) {
    auto part = record.substr(0, record.find(part_separator_));
    record.remove_prefix(std::min(part.size() + 1, record.size()));
    auto split = part.find(value_separator_);
    if (split == std::string_view::npos)
      return error{
          fmt::format("expected key{}value, found \"{}\"", value_separator_, sample(part))};
    auto key = part.substr(0, split);
    if (std::find(keys_.begin(), keys_.end(), key) != keys_.end())
      return error{fmt::format("the key `{}` comes twice", sample(key))};
    if (keys_.size() == max_parts)
      return error{fmt::format("the record has more than {} parts", max_parts)};
    keys_.push_back(key);
    if (auto failure = read_part(key, part.substr(split + 1), row, memory))
      return failure;
  }
  if (keys_.empty())
    return error{"the record is empty"};
  return std::nullopt;
}

std::optional<error> text_decoder::read_part(std::string_view key, std::string_view value,
                                             std::span<cell> row, arena& memory) {
  for (auto& x : wanted_) {
    if (x.key != key)
      continue;
    auto& field = schema_->fields[x.field];
    auto nested = field.type.kind == type_kind::list || field.type.kind == type_kind::map;
    auto good = nested ? json_.read(value, field, memory, row[x.field])
                       : read_text_value(value, field.type, field, memory, row[x.field]);
    if (!good)
      return wrong_value(field, value, true);
  }
  return std::nullopt;
}

} // namespace keyfold
