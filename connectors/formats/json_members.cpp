#include "connectors/formats/json_members.hpp"

#include "connectors/formats/json_cursor.hpp"

namespace keyfold {

int32_t json_members::target_of(std::string_view key) const noexcept {
  for (auto& x : wanted_)
    if (x.key == key)
      return x.target;
  return unwanted;
}

int32_t json_members::find_unseen(size_t place, const char* key) {
  auto* end = key;
  while (*end != '"' && *end != '\\')
    ++end;
  if (*end == '\\') {
    while (*end != '"')
      end += *end == '\\' ? 2 : 1;
    return unescape_json({key, static_cast<size_t>(end - key)}, unescaped_) ? target_of(unescaped_)
                                                                            : unwanted;
  }
  auto size = static_cast<size_t>(end - key);
  auto target = target_of({key, size});
  if (size + 1 <= seen::longest && place < most_places) {
    if (place >= seen_.size())
      seen_.resize(place + 1);
    auto& x = seen_[place];
    std::memcpy(x.text.data(), key, size + 1);
    x.size = static_cast<uint32_t>(size + 1);
    x.target = target;
  }
  return target;
}

} // namespace keyfold
