#pragma once

#include "connectors/formats/record_decoder.hpp"

namespace keyfold {

/// `text` without the line breaks at its end.
inline std::string_view without_line_end(std::string_view text) noexcept {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

/// A decoder of records that are lines of UTF-8: what CSV and text have in common.
class line_decoder : public record_decoder {
public:
  result<outcome> decode(std::string_view record, std::optional<event_time> source_time,
                         event_batch_builder& into) final;

private:
  /// Fills in the row, whose cells are null. @param record not empty, UTF-8, without its line end
  virtual std::optional<error> read_record(std::string_view record, std::span<cell> row,
                                           arena& memory) = 0;
};

} // namespace keyfold
