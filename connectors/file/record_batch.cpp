#include "connectors/file/record_batch.hpp"

#include <algorithm>

namespace keyfold {

std::optional<error> record_batch::add(std::string_view record) {
  ++poll_.records;
  auto decoded = decoder_.decode_padded(record, std::nullopt, rows_);
  if (!decoded)
    return std::move(decoded).error();
  if (*decoded == record_decoder::outcome::filtered)
    ++poll_.filtered;
  else
    max_time_ = std::max(max_time_, rows_.last_time());
  return std::nullopt;
}

void record_batch::refuse(std::string place, std::string reason, std::string_view payload) {
  payload = payload.substr(0, dead_letter_payload_bytes);
  dead_letter_bytes_ += place.size() + reason.size() + payload.size();
  poll_.dead_letters.push_back(
      {rows_.schema().name, std::move(place), std::move(reason), std::string{payload}});
}

source_poll record_batch::finish() {
  if (rows_.size() > 0)
    poll_.events = rows_.build();
  return std::move(poll_);
}

} // namespace keyfold
