#include "connectors/formats/json_decoder.hpp"

#include "connectors/formats/text_value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>

namespace keyfold {

namespace {

uint64_t first_eight(const char* text) noexcept {
  uint64_t bytes = 0;
  std::memcpy(&bytes, text, sizeof bytes);
  return bytes;
}

} // namespace

int32_t json_members::target_of(std::string_view key) const noexcept {
  for (auto& x : wanted_)
    if (x.key == key)
      return x.target;
  return unwanted;
}

// Comparing words where they overlap spares a call of memcmp for each key of each record.
inline bool json_members::seen::matches(const char* key) const noexcept {
  if (size < sizeof(uint64_t)) {
    auto mask = (uint64_t{1} << (8 * size)) - 1;
    return ((first_eight(key) ^ first_eight(text.data())) & mask) == 0;
  }
  if (first_eight(key) != first_eight(text.data()))
    return false;
  auto last = size - sizeof(uint64_t);
  return size <= 16 ? first_eight(key + last) == first_eight(text.data() + last)
                    : std::memcmp(key + 8, text.data() + 8, last) == 0;
}

int32_t json_members::find_unseen(size_t place, const char* key) {
  auto* end = key;
  while (*end != '"' && *end != '\\')
    ++end;
  if (*end == '\\') {
    while (*end != '"')
      end += *end == '\\' ? 2 : 1;
    return unescape_json({key, static_cast<size_t>(end - key)}, unescaped_) ? target_of(unescaped_)
                                                                            : unwanted;
  }
  auto size = static_cast<size_t>(end - key);
  auto target = target_of({key, size});
  if (size + 1 <= seen::longest && place < most_places) {
    if (place >= seen_.size())
      seen_.resize(place + 1);
    auto& x = seen_[place];
    std::memcpy(x.text.data(), key, size + 1);
    x.size = static_cast<uint32_t>(size + 1);
    x.target = target;
  }
  return target;
}

json_decoder::json_decoder(std::shared_ptr<const stream_schema> schema)
    : schema_(std::move(schema)) {
  for (uint32_t i = 0; i < schema_->fields.size(); ++i) {
    auto& field = schema_->fields[i];
    if (field.derived)
      continue;
    auto path = field.path.empty() ? std::vector<std::string>{field.name} : field.path;
    auto fits = [&](tree& nodes) { return insert(nodes, path, i); };
    if (std::any_of(trees_.begin(), trees_.end(), fits))
      continue;
    trees_.emplace_back(1);
    insert(trees_.back(), path, i);
  }
}

bool json_decoder::insert(tree& nodes, const std::vector<std::string>& path, uint32_t field) {
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
  if (!cursor_.open(record, failure_.message))
    return false;
  for (auto& nodes : trees_) {
    cursor_.rewind();
    if (!read_object(nodes, nodes.front(), row, memory))
      return false;
    if (!cursor_.at_end())
      return broken("nothing behind the object");
  }
  return true;
}

bool json_decoder::read_object(tree& nodes, node& object, std::span<cell> row, arena& memory) {
  cursor_.advance();
  if (cursor_.peek() == '}') {
    cursor_.advance();
    return true;
  }
  for (size_t place = 0;; ++place) {
    if (cursor_.peek() != '"')
      return broken("a key");
    auto target = object.members.find(place, cursor_.here() + 1);
    cursor_.advance();
    if (cursor_.peek() != ':')
      return broken("a colon");
    cursor_.advance();
    if (target == json_members::unwanted) {
      if (!cursor_.skip())
        return broken("a value whose brackets match, nested at most 64 deep,");
    } else if (!read_member(nodes, nodes[static_cast<size_t>(target)], row, memory)) {
      return false;
    }
    if (cursor_.at_end())
      return broken("a comma or a closing bracket");
    auto after = cursor_.peek();
    if (after != ',' && after != '}')
      return broken("a comma or a closing bracket");
    cursor_.advance();
    if (after == '}')
      return true;
  }
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

bool json_decoder::broken(std::string_view expected) {
  failure_ = error{fmt::format("the record is not valid JSON: expected {} at byte {}", expected,
                               cursor_.offset())};
  return false;
}

} // namespace keyfold
