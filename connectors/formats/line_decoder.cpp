#include "connectors/formats/line_decoder.hpp"

#include <fmt/format.h>
#include <simdjson.h>

namespace keyfold {

result<line_decoder::outcome> line_decoder::decode(std::string_view record,
                                                   std::optional<event_time> source_time,
                                                   event_batch_builder& into) {
  record = without_line_end(record);
  if (record.empty())
    return fail("the record is empty");
  if (record.size() > max_record_bytes)
    return fail(fmt::format("the record has {} bytes, more than the {} allowed", record.size(),
                            max_record_bytes));
  if (!simdjson::validate_utf8(record.data(), record.size()))
    return fail("the record is not UTF-8");
  auto row = into.begin_row();
  if (auto failure = read_record(record, row, into.text())) {
    into.abandon_row();
    return tl::unexpected{*std::move(failure)};
  }
  return into.finish_row(source_time);
}

} // namespace keyfold
