#pragma once

#include "connectors/formats/avro/conversion.hpp"
#include "connectors/formats/avro/schema.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace keyfold::avro {

/// What a definition says of a column beside its type: the reader's side of schema resolution.
struct column_options {
  std::vector<std::string> aliases;   ///< other names of the path's last step
  std::optional<std::string> missing; ///< where a schema has no such field; text as in CSV
  std::vector<std::string> symbols;   ///< of an enumeration; any other becomes `missing`
};
using options_by_column = std::map<std::string, column_options, std::less<>>;

/// One step of a program. `column` is where a value goes: a place in the row, or `item`.
enum class op : uint8_t {
  end,
  jump,          ///< to `argument`
  call,          ///< what begins at `argument`, until `ret`
  ret,           ///<
  save,          ///< remembers where in the record it is
  restore,       ///< goes back there
  option,        ///< a union of two, one of them null, which is number `small`: null jumps
  branch,        ///< a union: jumps as the table `argument` says
  refuse,        ///< the record, with the sentence `argument`
  nothing,       ///< null as an item
  fill,          ///< the column with its value for missing fields
  skip,          ///< `argument` bytes
  skip_number,   ///< a varint
  skip_bytes,    ///< what has its length before it
  skip_blocks,   ///< an array or a map of items of `argument` bytes each
  loop,          ///< an array or a map begins
  next,          ///< its next item, or jumps behind them; `small`: blocks may be skipped whole
  end_loop,      ///< its end, when nothing is kept
  end_list,      ///<
  end_map,       ///<
  key,           ///< of a map's entry
  entry,         ///< of a map: jumps by its key, as the table of entries `argument` says
  text,          ///< UTF-8
  integer,       ///< a varint as it is
  small_integer, ///< a varint that fits 32 bits, as it is; `small` as of `number`
  moment,        ///< a varint: moments in units of 10^(3 × `small`) microseconds
  float64,       ///< a double as it is
  flag,          ///< a boolean, and the rest by the conversion `argument`
  number,        ///< a varint; `small`: of 32 bits
  small_real,    ///< a float
  real,          ///< a double
  converted,     ///< what has its length before it
  converted_run, ///< `small` or, where that is 0, the conversion's size in bytes
  symbol,        ///< of the enumeration `argument`
};

struct instruction {
  op what = op::end;
  uint8_t small = 0;
  uint16_t column = 0;
  uint32_t argument = 0;
};

/// Reads the records of one writer's schema as rows of one stream: a flat list of steps that is
/// made once. Only the stream's columns are read; all else is skipped, checked as far as finding
/// its end takes. Immutable, thread-safe.
class program {
public:
  static constexpr uint16_t item = 0xffff; ///< instead of a column: an item of a list
  // Bounds on a program; a schema that needs more is refused.
  static constexpr size_t max_instructions = 100'000;
  static constexpr size_t max_text_bytes = 32u << 20;

  /// @param columns those that are decoded are read, each by its path; outlives the program
  /// @return an error names the column that the writer's schema cannot give
  static result<std::shared_ptr<const program>> make(const schema& writer,
                                                     std::shared_ptr<const stream_schema> columns,
                                                     const options_by_column& options);

  /// What a conversion of a fixed needs beside it.
  struct step_conversion {
    conversion how;
    uint32_t size = 0;
  };
  /// Where what is wanted of a map's entries begins.
  struct entry_table {
    std::vector<std::pair<std::string, uint32_t>> wanted; ///< by key
    uint32_t otherwise = 0;
  };
  /// The texts of an enumeration's symbols; nothing: refused.
  struct symbol_table {
    std::vector<std::optional<std::string>> texts;
    std::vector<std::string> names;
    const stream_field* field = nullptr;
  };

  // For who runs it.
  std::vector<instruction> code;
  std::vector<uint32_t> places; ///< of each instruction: which of `names` it is about
  std::vector<std::string> names;
  std::vector<step_conversion> conversions;
  std::vector<std::vector<uint32_t>> tables; ///< of unions: where each branch begins
  std::vector<entry_table> entries;
  std::vector<std::string> sentences;
  std::vector<symbol_table> symbols;
  std::vector<cell> fillings; ///< by column
  std::shared_ptr<const stream_schema> columns;
  arena memory; ///< of `fillings`
};

} // namespace keyfold::avro
