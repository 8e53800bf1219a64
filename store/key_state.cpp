#include "store/key_state.hpp"

#include "store/ledger.hpp"

namespace keyfold::store {

namespace {

void append_text(std::string& out, std::string_view text) {
  auto size = text.size();
  while (size >= 0x80) {
    out.push_back(static_cast<char>(size | 0x80));
    size >>= 7;
  }
  out.push_back(static_cast<char>(size));
  out.append(text);
}

} // namespace

bool key_state_cursor::read_text(std::string_view& text) {
  uint64_t size = 0;
  for (unsigned shift = 0;; shift += 7) {
    if (next_ == end_ || shift > 35)
      return false;
    auto byte = static_cast<unsigned char>(*next_++);
    size |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80)
      break;
  }
  if (size > static_cast<uint64_t>(end_ - next_))
    return false;
  text = {next_, static_cast<size_t>(size)};
  next_ += size;
  return true;
}

bool key_state_cursor::next() {
  if (next_ == end_ || !good_)
    return false;
  good_ = read_text(key_) && read_text(state_);
  return good_;
}

void append_key_state(std::string& pairs, std::string_view key, std::string_view state) {
  append_text(pairs, key);
  append_text(pairs, state);
}

bool for_each_key_state(
    std::string_view pairs,
    const std::function<void(std::string_view key, std::string_view state)>& f) {
  key_state_cursor cursor{pairs};
  while (cursor.next())
    f(cursor.key(), cursor.state());
  return cursor.good();
}

} // namespace keyfold::store
