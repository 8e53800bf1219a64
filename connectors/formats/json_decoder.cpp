#include "connectors/formats/json_decoder.hpp"

#include "connectors/formats/text_value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>

namespace keyfold {

json_decoder::json_decoder(std::shared_ptr<const stream_schema> schema)
    : schema_(std::move(schema)) {
  for (uint32_t i = 0; i < schema_->fields.size(); ++i) {
    auto& field = schema_->fields[i];
    if (!field.decoded())
      continue;
    auto path = field.path.empty() ? std::vector<std::string>{field.name} : field.path;
    auto fits = [&](tree& nodes) { return insert(nodes, path, i); };
    if (std::any_of(trees_.begin(), trees_.end(), fits))
      continue;
    trees_.emplace_back(1);
    insert(trees_.back(), path, i);
  }
}

bool json_decoder::insert(tree& nodes, const std::vector<std::string>& path, uint32_t field) const {
  size_t at = 0;
  size_t step = 0;
  for (; step < path.size(); ++step) {
    auto next = nodes[at].members.target_of(path[step]);
    if (next == json_members::unwanted)
      break;
    at = static_cast<size_t>(next);
  }
  // Inside a column, or around columns: another tree's.
  if (nodes[at].leaf || step == path.size())
    return false;
  for (; step < path.size(); ++step) {
    nodes[at].members.add(path[step], static_cast<int32_t>(nodes.size()));
    at = nodes.size();
    nodes.emplace_back();
  }
  nodes[at].leaf = true;
  nodes[at].field = field;
  nodes[at].string = schema_->fields[field].type.kind == type_kind::string;
  return true;
}

result<json_decoder::outcome> json_decoder::decode(std::string_view record,
                                                   std::optional<event_time> source_time,
                                                   event_batch_builder& into) {
  if (record.size() > max_record_bytes)
    return fail(fmt::format("the record has {} bytes, more than the {} allowed", record.size(),
                            max_record_bytes));
  if (padded_.size() < record.size() + record_padding)
    padded_.resize(std::bit_ceil(record.size() + record_padding));
  if (!record.empty())
    std::memcpy(padded_.data(), record.data(), record.size());
  return decode_padded({padded_.data(), record.size()}, source_time, into);
}

result<json_decoder::outcome> json_decoder::decode_padded(std::string_view record,
                                                          std::optional<event_time> source_time,
                                                          event_batch_builder& into) {
  if (record.empty())
    return fail("the record is empty");
  if (record.size() > max_record_bytes)
    return fail(fmt::format("the record has {} bytes, more than the {} allowed", record.size(),
                            max_record_bytes));
  auto row = into.begin_row();
  if (!read_record(record, row, into.text())) {
    into.abandon_row();
    return tl::unexpected{std::move(failure_)};
  }
  return into.finish_row(source_time);
}

bool json_decoder::read_record(std::string_view record, std::span<cell> row, arena& memory) {
  if (!tokens_.open(record, failure_.message))
    return false;
  for (auto& nodes : trees_) {
    cursor_ = tokens_.begin();
    if (!read_object(nodes, nodes.front(), row, memory))
      return false;
    if (!cursor_.at_end())
      return broken(cursor_, "nothing behind the object");
  }
  return true;
}

bool json_decoder::read_object(tree& nodes, node& object, std::span<cell> row, arena& memory) {
  // A cursor whose address nobody has stays in registers; the slow ways go by `cursor_`.
  auto in = cursor_;
  in.advance();
  if (in.peek() == '}') {
    in.advance();
    cursor_ = in;
    return true;
  }
  for (size_t place = 0;; ++place) {
    if (in.peek() != '"')
      return broken(in, "a key");
    auto target = object.members.find(place, in.here() + 1);
    in.advance();
    if (in.peek() != ':')
      return broken(in, "a colon");
    in.advance();
    if (!read_value(nodes, target, in, row, memory))
      return false;
    if (in.at_end())
      return broken(in, "a comma or a closing bracket");
    auto after = in.peek();
    if (after != ',' && after != '}')
      return broken(in, "a comma or a closing bracket");
    in.advance();
    if (after == '}')
      break;
  }
  cursor_ = in;
  return true;
}

inline bool json_decoder::read_value(tree& nodes, int32_t target, json_cursor& in,
                                     std::span<cell> row, arena& memory) {
  auto* member = target == json_members::unwanted ? nullptr : &nodes[static_cast<size_t>(target)];
  if (member && member->string && in.peek() == '"'
      && json_value_reader::read_short_string(in, memory, row[member->field]))
    return true;
  cursor_ = in;
  auto good = member ? read_member(nodes, *member, row, memory) : skip_value();
  in = cursor_;
  return good;
}

bool json_decoder::skip_value() {
  return cursor_.skip() || broken(cursor_, "a value whose brackets match, nested at most 64 deep,");
}

bool json_decoder::read_member(tree& nodes, node& member, std::span<cell> row, arena& memory) {
  if (member.leaf) {
    auto& field = schema_->fields[member.field];
    if (values_.read(cursor_, field.type, field, memory, row[member.field]))
      return true;
    failure_ = wrong_value(field, values_.found(), false);
    return false;
  }
  return cursor_.peek() == '{' ? read_object(nodes, member, row, memory) : skip_null(nodes, member);
}

bool json_decoder::skip_null(const tree& nodes, const node& member) {
  auto is_list = cursor_.peek() == '[';
  auto token = cursor_.take_scalar();
  if (token == "null")
    return true;
  // A node is followed by the rest of the path it was made for, so the next leaf is below it.
  auto leaf = std::find_if(nodes.begin() + (&member - nodes.data()), nodes.end(),
                           [](const node& x) { return x.leaf; });
  auto& field = schema_->fields[leaf->field];
  failure_ = error{fmt::format("field `{}`: expected an object on the way to it, `{}`, found {}",
                               field.name, fmt::join(field.path, "."),
                               is_list ? "a list" : sample(token))};
  return false;
}

bool json_decoder::broken(json_cursor at, std::string_view expected) {
  failure_ = error{
      fmt::format("the record is not valid JSON: expected {} at byte {}", expected, at.offset())};
  return false;
}

} // namespace keyfold
