#pragma once

#include "http/header_check.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace keyfold::http {

/// Bounds of a request.
struct request_limits {
  header_limits header;
  uint32_t max_header_bytes = 8192;
  uint64_t max_body_bytes = 1u << 20;
};

/// Reads requests, one after the other, out of the bytes of a connection: Beast's parser behind
/// `check_header`. Pure: no I/O, no clock. Each request gets a parser of its own.
class request_reader {
public:
  using request_type = boost::beast::http::request<boost::beast::http::string_body>;

  enum class step : uint8_t {
    need_more, ///< all bytes are used as far as they go
    header,    ///< `request()` has the request line and fields; once per request
    complete,  ///< `request()` has the body too; go on with `begin_next`
    refused,   ///< see `why`; nothing more can be read from this connection
  };

  explicit request_reader(const request_limits& limits) : limits_(limits) { begin_next(); }

  /// Takes bytes from the front of `in`, as far as the next step.
  step next(boost::beast::flat_buffer& in);
  /// Forgets the request, makes ready for another one.
  void begin_next();

  /// @pre the last step was `header` or `complete`
  request_type& request() { return parser_->get(); }
  bool keep_alive() const { return parser_->keep_alive(); }
  /// @pre the last step was `refused`
  const refusal& why() const noexcept { return why_; }
  /// A part of a request has been read.
  bool begun() const noexcept { return begun_; }
  bool header_done() const noexcept { return header_done_; }

private:
  using parser_type = boost::beast::http::request_parser<boost::beast::http::string_body>;

  step read_header(boost::beast::flat_buffer& in);
  step read_body(boost::beast::flat_buffer& in);
  step refuse(refusal why);

  request_limits limits_;
  std::optional<parser_type> parser_;
  refusal why_{fault::malformed_request, {}};
  size_t scanned_ = 0; // bytes of `in` known not to begin the header's end
  bool begun_ = false;
  bool header_done_ = false;
  bool refused_ = false;
};

} // namespace keyfold::http
