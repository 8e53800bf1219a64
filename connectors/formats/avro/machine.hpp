#pragma once

#include "connectors/formats/avro/cursor.hpp"
#include "connectors/formats/avro/program.hpp"

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace keyfold::avro {

/// Runs programs. Survives any bytes: nothing outside a record is read, and time and memory are
/// bounded by its size. Keeps its buffers between records; not thread-safe.
class machine {
public:
  /// Deepest nesting of records that are skipped, of a recursive type.
  static constexpr size_t max_depth = 64;
  /// Items of arrays and maps, and records skipped, that a record may have beside four a byte: such
  /// as take no bytes.
  static constexpr uint64_t free_items = 65'536;

  /// Reads `record` into `row`, whose cells are null; text goes to `memory`. On an error false, and
  /// a sentence waits in `take_problem`.
  bool run(const program& what, std::string_view record, std::span<cell> row, arena& memory);
  error take_problem() { return std::move(problem_); }

private:
  struct loop {
    uint64_t left = 0;     ///< items of the block
    size_t first_item = 0; ///< in `items_`
  };

  // Each is false when the record cannot be read on. They read at `in_`, and jump by `at_`.
  bool other(const instruction& x);
  bool control(const instruction& x);
  bool converted(const instruction& x);
  bool branch(const instruction& x);
  bool call(uint32_t to);
  bool next_item(const instruction& x);
  bool skip_blocks(uint32_t item_bytes);
  bool long_text(const instruction& x, std::string_view text);
  bool flag(const instruction& x);
  bool number(const instruction& x);
  bool real(const instruction& x);
  bool bytes(const instruction& x);
  bool symbol(const instruction& x);
  bool key();
  bool entry(const instruction& x);
  bool end_list(const instruction& x);
  bool put(uint16_t column, const cell& x);
  bool burn();
  bool wrong(std::string_view what);
  /// Says why nothing could be read at `in_`.
  bool broken(const instruction& x);

  const program* program_ = nullptr;
  std::span<cell> row_;
  arena* memory_ = nullptr;
  const char* begin_ = nullptr;
  cursor in_;
  uint32_t at_ = 0; ///< the instruction behind the one that runs
  uint64_t fuel_ = 0;
  std::vector<cell> items_; ///< of the lists and maps being read
  std::vector<loop> loops_;
  std::vector<uint32_t> callers_;
  std::vector<const char*> saved_;
  error problem_;
};

} // namespace keyfold::avro
