#pragma once

#include "connectors/formats/json_members.hpp"
#include "connectors/formats/json_value_reader.hpp"
#include "connectors/formats/record_decoder.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold {

/// Decodes JSON objects. Iterates once over an object and reads only what the schema has; the rest
/// is skipped, checked only as far as `json_cursor::skip` does. Of equal keys the last one
/// counts.
class json_decoder final : public record_decoder {
public:
  explicit json_decoder(std::shared_ptr<const stream_schema> schema);

  result<outcome> decode(std::string_view record, std::optional<event_time> source_time,
                         event_batch_builder& into) override;
  result<outcome> decode_padded(std::string_view record, std::optional<event_time> source_time,
                                event_batch_builder& into) override;

private:
  /// A place in the records' tree: an object with members, or a value with a column.
  struct node {
    json_members members; ///< their targets are nodes
    uint32_t field = 0;   ///< of a leaf
    bool leaf = false;
    bool string = false; ///< a leaf of that type
  };
  /// A tree of nodes, the root first. Columns that overlap (the same path, or one inside another)
  /// are in different trees: a value is read once by each.
  using tree = std::vector<node>;

  bool insert(tree& nodes, const std::vector<std::string>& path, uint32_t field) const;
  bool read_record(std::string_view record, std::span<cell> row, arena& memory);
  // All but `read_value` begin at `cursor_` and leave it behind what they have read.
  bool read_object(tree& nodes, node& object, std::span<cell> row, arena& memory);
  bool read_value(tree& nodes, int32_t target, json_cursor& in, std::span<cell> row, arena& memory);
  bool read_member(tree& nodes, node& member, std::span<cell> row, arena& memory);
  bool skip_value();
  bool broken(json_cursor at, std::string_view expected);
  /// Where an object was looked for, null is as good.
  bool skip_null(const tree& nodes, const node& member);

  std::shared_ptr<const stream_schema> schema_;
  std::vector<tree> trees_;
  json_tokens tokens_;
  json_cursor cursor_;
  json_value_reader values_;
  std::vector<char> padded_;
  error failure_; ///< of the record being read
};

} // namespace keyfold
