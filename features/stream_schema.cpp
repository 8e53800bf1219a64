#include "features/stream_schema.hpp"

namespace keyfold {

std::optional<uint32_t> stream_schema::find(std::string_view field) const noexcept {
  for (size_t i = 0; i < fields.size(); ++i)
    if (fields[i].name == field)
      return static_cast<uint32_t>(i);
  return std::nullopt;
}

} // namespace keyfold
