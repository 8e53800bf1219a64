#pragma once

#include "connectors/formats/record_decoder.hpp"

#include <cstdlib>
#include <string_view>

namespace keyfold::fuzz {

/// Decodes a record into `rows`, and aborts if it is neither decoded nor refused with a reason.
/// What was decoded is copied, so all of it is read.
inline void check_decoding(record_decoder& decoder, event_batch_builder& rows,
                           std::string_view record) {
  auto decoded = decoder.decode(record, event_time{}, rows);
  auto batch = rows.build();
  if (batch->size() != (decoded ? 1u : 0u) || (!decoded && decoded.error().message.empty()))
    std::abort();
  arena copies;
  for (size_t i = 0; i < batch->size(); ++i)
    for (auto& x : batch->row(i))
      if (!identical(x, copies.copy(x)))
        std::abort();
}

} // namespace keyfold::fuzz
