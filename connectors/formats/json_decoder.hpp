#pragma once

#include "connectors/formats/json_value_reader.hpp"
#include "connectors/formats/record_decoder.hpp"

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold {

/// Finds what a schema wants in a JSON object, by key. Records of one stream mostly have the same
/// keys in the same order, so it remembers the key last seen at each place and compares with that
/// first. Not thread-safe.
class json_members {
public:
  static constexpr int32_t unwanted = -1;

  /// @param key unescaped
  /// @return the target known for the key, or `unwanted`
  int32_t target_of(std::string_view key) const noexcept;
  void add(std::string key, int32_t target) { wanted_.push_back({std::move(key), target}); }

  /// The target of the member at `place` in its object, whose raw key begins at `key`.
  /// @pre `record_padding` bytes from `key` on can be read
  int32_t find(size_t place, const char* key) {
    if (place < seen_.size() && seen_[place].matches(key))
      return seen_[place].target;
    return find_unseen(place, key);
  }

private:
  struct wanted {
    std::string key;
    int32_t target;
  };
  /// A raw key with its closing quote.
  struct seen {
    static constexpr size_t longest = record_padding;

    bool matches(const char* key) const noexcept;

    std::array<char, longest> text{};
    uint32_t size = 0;
    int32_t target = unwanted;
  };
  static constexpr size_t most_places = 64;

  int32_t find_unseen(size_t place, const char* key);

  std::vector<wanted> wanted_;
  std::vector<seen> seen_;
  std::string unescaped_;
};

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
  };
  /// A tree of nodes, the root first. Columns that overlap (the same path, or one inside another)
  /// are in different trees: a value is read once by each.
  using tree = std::vector<node>;

  static bool insert(tree& nodes, const std::vector<std::string>& path, uint32_t field);
  bool read_record(std::string_view record, std::span<cell> row, arena& memory);
  bool read_object(tree& nodes, node& object, std::span<cell> row, arena& memory);
  bool read_member(tree& nodes, node& member, std::span<cell> row, arena& memory);
  bool broken(std::string_view expected);
  /// Where an object was looked for, null is as good.
  bool skip_null(const tree& nodes, const node& member);

  std::shared_ptr<const stream_schema> schema_;
  std::vector<tree> trees_;
  json_cursor cursor_;
  json_value_reader values_;
  std::vector<char> padded_;
  error failure_; ///< of the record being read
};

} // namespace keyfold
