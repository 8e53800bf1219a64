#include "http/request_reader.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace keyfold::http {

namespace beast = boost::beast;

namespace {

std::string_view text_of(const beast::flat_buffer& in) {
  auto data = in.cdata();
  return {static_cast<const char*>(data.data()), data.size()};
}

} // namespace

void request_reader::begin_next() {
  parser_.emplace();
  parser_->header_limit(limits_.max_header_bytes);
  parser_->body_limit(limits_.max_body_bytes);
  scanned_ = 0;
  begun_ = header_done_ = false;
}

request_reader::step request_reader::next(beast::flat_buffer& in) {
  if (refused_)
    return step::refused;
  return header_done_ ? read_body(in) : read_header(in);
}

request_reader::step request_reader::read_header(beast::flat_buffer& in) {
  // Empty lines before a request are to be ignored (RFC 9112, section 2.2).
  while (!begun_ && text_of(in).starts_with("\r\n"))
    in.consume(2);
  auto text = text_of(in);
  if (text.empty() || (!begun_ && text == "\r"))
    return step::need_more;
  begun_ = true;
  auto end = text.find("\r\n\r\n", scanned_);
  auto size = end == std::string_view::npos ? text.size() : end + 4;
  if (size > limits_.max_header_bytes)
    return refuse({fault::header_too_large,
                   fmt::format("the header is longer than {} bytes", limits_.max_header_bytes)});
  if (end == std::string_view::npos) {
    scanned_ = std::max<size_t>(text.size(), 3) - 3;
    return step::need_more;
  }
  if (auto wrong = check_header(text.substr(0, size), limits_.header))
    return refuse(std::move(*wrong));
  beast::error_code problem;
  auto used = parser_->put(boost::asio::const_buffer{text.data(), size}, problem);
  if (problem == beast::http::error::body_limit)
    return refuse({fault::body_too_large,
                   fmt::format("the body is longer than {} bytes", limits_.max_body_bytes)});
  if (problem || !parser_->is_header_done())
    return refuse({fault::malformed_request,
                   "the header is malformed: " + (problem ? problem.message() : "incomplete")});
  in.consume(used);
  header_done_ = true;
  parser_->eager(true);
  return step::header;
}

request_reader::step request_reader::read_body(beast::flat_buffer& in) {
  while (!parser_->is_done()) {
    beast::error_code problem;
    auto used = parser_->put(in.cdata(), problem);
    in.consume(used);
    if (problem == beast::http::error::need_more)
      return step::need_more;
    if (problem == beast::http::error::body_limit)
      return refuse({fault::body_too_large,
                     fmt::format("the body is longer than {} bytes", limits_.max_body_bytes)});
    if (problem)
      return refuse({fault::malformed_request, "the body is malformed: " + problem.message()});
    if (used == 0 && !parser_->is_done())
      return step::need_more;
  }
  return step::complete;
}

request_reader::step request_reader::refuse(refusal why) {
  why_ = std::move(why);
  refused_ = true;
  return step::refused;
}

} // namespace keyfold::http
