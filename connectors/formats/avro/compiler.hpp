#pragma once

#include "connectors/formats/avro/program.hpp"

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace keyfold::avro {

/// Makes a program: walks through the writer's schema once for each way to a column; what no column
/// is in is skipped by a routine for each type. Used once.
class compiler {
public:
  compiler(const schema& writer, std::shared_ptr<const stream_schema> columns,
           const options_by_column& options);
  result<std::shared_ptr<const program>> compile();

private:
  /// A column being looked for, and how many steps of its path are behind.
  struct request {
    uint16_t column;
    uint16_t step;
  };
  using requests = std::vector<request>;
  /// Emits what reads the branch of a union.
  using branch_body = std::function<bool(uint32_t place)>;

  const node& at(uint32_t place) const noexcept { return writer_.nodes[place]; }
  const stream_field& field_of(request x) const { return program_->columns->fields[x.column]; }
  const std::vector<std::string>& path_of(request x) const { return paths_[x.column]; }
  const column_options& options_of(request x) const;

  bool prepare_fillings();
  bool make_filling(uint16_t column, const std::string& text);
  uint32_t emit(op what, uint32_t argument = 0, uint16_t column = 0, uint8_t small = 0);
  /// Where the next instruction will be, for something to jump there.
  uint32_t label();
  void land(uint32_t jump) { program_->code[jump].argument = label(); }
  /// From here on, instructions are about `name`.
  void enter(std::string name);
  void take_text(size_t bytes);
  bool wrong(std::string sentence);
  bool wrong(const stream_field& field, const std::string& reason);

  // Each emits what reads or skips a value of the type at `place`; false after an error.
  bool value(uint32_t place, const requests& wanted);
  bool walk(uint32_t place, const requests& wanted);
  bool record(uint32_t place, const requests& wanted);
  bool entries(uint32_t place, const requests& wanted);
  size_t find_field(const node& record, request x) const;
  bool choice(uint32_t place, bool item, const branch_body& body);
  bool option(uint32_t place, uint8_t null, bool item, const branch_body& body);
  bool branch(uint32_t place, bool item, const branch_body& body);
  bool leaf(uint32_t place, uint16_t column, const data_type& type);
  bool list(uint32_t place, uint16_t column, const data_type& type);
  bool scalar(uint32_t place, uint16_t column, const data_type& type);
  bool enumeration(uint32_t place, uint16_t column, const data_type& type);
  bool skip(uint32_t place);
  bool skip_items(uint32_t place);
  bool routines();
  std::optional<uint32_t> width(uint32_t place, int depth = 0);
  std::optional<uint32_t> find_width(uint32_t place, int depth);

  const schema& writer_;
  const options_by_column& options_;
  std::shared_ptr<program> program_;
  std::vector<std::vector<std::string>> paths_; ///< by column
  std::vector<bool> filled_;                    ///< by column
  const stream_field* target_ = nullptr;        ///< the column being read
  uint32_t place_ = 0;                          ///< in `program::names`
  uint32_t label_ = 0;                          ///< the last one
  size_t text_bytes_ = 0;
  bool full_ = false; ///< too many instructions, or too much text
  std::vector<std::pair<bool, std::optional<uint32_t>>> widths_;
  std::vector<uint32_t> routine_;                    ///< by type: where, 0 while unknown
  std::vector<std::pair<uint32_t, uint32_t>> calls_; ///< instruction, type
  std::string problem_;
};

} // namespace keyfold::avro
