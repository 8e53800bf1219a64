#include "features/aggregate/stored_value.hpp"

#include "features/typed_cell.hpp"

#include <cstring>
#include <new>
#include <utility>

namespace keyfold {

std::string_view stored_value::text() const noexcept {
  return {on_heap() ? reinterpret_cast<const char*>(payload_)
                    : reinterpret_cast<const char*>(&payload_),
          size_};
}

void stored_value::set_text(const cell& x) {
  stored_value made{x.kind(), x.scale()};
  if (is_text(x.kind())) {
    auto from = x.as_text();
    made.size_ = static_cast<uint32_t>(from.size());
    auto* to = reinterpret_cast<char*>(&made.payload_);
    if (made.on_heap()) {
      to = static_cast<char*>(::operator new(from.size()));
      made.payload_ = reinterpret_cast<uint64_t>(to);
    }
    if (!from.empty())
      std::memcpy(to, from.data(), from.size());
  } else {
    made.set(x);
  }
  clear();
  *this = made;
}

void stored_value::free_text() noexcept {
  ::operator delete(reinterpret_cast<void*>(payload_));
}

cell stored_value::get_other() const noexcept {
  auto number = static_cast<int64_t>(payload_);
  switch (kind_) {
  case cell_kind::boolean:
    return cell::boolean(number != 0);
  case cell_kind::decimal:
    return cell::decimal(number, scale_);
  case cell_kind::timestamp:
    return cell::timestamp(event_time{duration{number}});
  case cell_kind::string:
    return cell::string(text());
  case cell_kind::bytes:
    return cell::bytes(text());
  case cell_kind::null:
  case cell_kind::integer:
  case cell_kind::real:
  case cell_kind::list:
  case cell_kind::map:
    break;
  }
  return {};
}

void stored_value::take(stored_value& other) noexcept {
  clear();
  *this = std::exchange(other, stored_value{});
}

void stored_value::keep(const cell& x) {
  if (x.kind() != cell_kind::list && x.kind() != cell_kind::map) {
    set(x);
    return;
  }
  std::string bytes;
  byte_writer{bytes}.value(x);
  set(cell::bytes(bytes));
}

cell stored_value::kept(type_kind kind, arena& memory) const {
  if ((kind != type_kind::list && kind != type_kind::map) || is_null())
    return get();
  return byte_reader{text()}.value(memory);
}

cell read_cell(byte_reader& in, const data_type& type) {
  arena none; // lists and maps alone would take memory from it
  auto x = in.value(none);
  if (x.is_null() || !fits(x, type))
    in.fail();
  return in.good() ? x : cell{};
}

} // namespace keyfold
