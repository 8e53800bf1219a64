#include "connectors/http_client/event_stream.hpp"

#include <fmt/format.h>

#include <utility>

namespace keyfold {

namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

} // namespace

void event_stream_parser::feed(std::string_view bytes) {
  // Moving what is left costs less than growing, and at most as much as what has been taken.
  if (begin_ > buffer_.size() / 2) {
    buffer_.erase(0, begin_);
    looked_ -= begin_;
    begin_ = 0;
  }
  buffer_ += bytes;
}

/// A line without its end: LF, CR or both. A CR at the very end of what has come may be either.
bool event_stream_parser::next_line(std::string_view& out) {
  auto end = buffer_.find_first_of("\r\n", looked_);
  if (end == std::string::npos || (buffer_[end] == '\r' && end + 1 == buffer_.size())) {
    looked_ = end == std::string::npos ? buffer_.size() : end;
    return false;
  }
  out = std::string_view{buffer_}.substr(begin_, end - begin_);
  auto both = buffer_[end] == '\r' && buffer_[end + 1] == '\n';
  begin_ = looked_ = end + (both ? 2 : 1);
  return true;
}

void event_stream_parser::take_line(std::string_view line, server_event& out) {
  if (!std::exchange(begun_, true) && line.starts_with(byte_order_mark))
    line.remove_prefix(byte_order_mark.size());
  auto colon = line.find(':');
  auto name = line.substr(0, colon);
  auto value = colon == std::string_view::npos ? std::string_view{} : line.substr(colon + 1);
  if (value.starts_with(' '))
    value.remove_prefix(1);
  if (name == "data") {
    if (std::exchange(has_data_, true))
      out.data += '\n';
    out.data += value;
  } else if (name == "event") {
    out.type = value;
  } else if (name == "id" && value.find('\0') == std::string_view::npos) {
    out.id = value;
  }
}

result<bool> event_stream_parser::next(server_event& out) {
  std::string_view line;
  while (next_line(line)) {
    event_bytes_ += line.size();
    if (event_bytes_ > max_event_bytes_)
      break;
    if (!line.empty()) {
      take_line(line, event_);
      continue;
    }
    event_bytes_ = 0;
    out = std::exchange(event_, {});
    if (std::exchange(has_data_, false))
      return true;
  }
  if (event_bytes_ + (looked_ - begin_) > max_event_bytes_)
    return fail(fmt::format("an event of the stream has more than {} bytes", max_event_bytes_));
  return false;
}

} // namespace keyfold
