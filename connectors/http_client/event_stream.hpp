#pragma once

#include "features/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace keyfold {

/// One of server-sent events.
struct server_event {
  std::string type; ///< empty: "message"
  std::string id;   ///< of this event; empty: it has none
  std::string data; ///< its lines, joined by line feeds
};

/// Takes a stream of server-sent events apart (WHATWG HTML, 9.2.6), however its bytes are cut.
class event_stream_parser {
public:
  /// @param max_event_bytes of one event as it is sent; a longer one is an error
  explicit event_stream_parser(size_t max_event_bytes) : max_event_bytes_(max_event_bytes) {}

  /// Adds bytes that have come.
  void feed(std::string_view bytes);
  /// Takes the next event that is there as a whole; false where there is none. Events without data
  /// are passed over, as the standard says. An error leaves the parser useless.
  result<bool> next(server_event& out);
  /// Bytes fed and not taken.
  size_t waiting() const noexcept { return buffer_.size() - begin_; }

private:
  bool next_line(std::string_view& out);
  void take_line(std::string_view line, server_event& out);

  size_t max_event_bytes_;
  std::string buffer_;
  size_t begin_ = 0;  ///< of what has not been taken
  size_t looked_ = 0; ///< before it there is no line end
  size_t event_bytes_ = 0;
  bool has_data_ = false;
  bool begun_ = false; ///< a byte order mark can come no more
  server_event event_; ///< so far
};

} // namespace keyfold
