#pragma once

#include "http/problem.hpp"

#include <string>
#include <string_view>

namespace keyfold::http {

inline constexpr std::string_view json_content = "application/json";
inline constexpr std::string_view problem_content = "application/problem+json";

/// An answer on its way out. The views must live until it has been handed over.
struct reply {
  unsigned status = 200;
  std::string_view content_type = json_content; ///< empty: none, for an empty body
  std::string_view body;
  std::string_view fields = {}; ///< further header lines, each with its CR LF
  bool close = false;           ///< ask for the connection to be closed after it
};

/// What the connection adds to an answer.
struct reply_context {
  std::string_view date; ///< an IMF-fixdate
  bool head = false;     ///< leave out the body
  bool keep_alive = true;
  bool old_version = false; ///< the request was HTTP/1.0: say so when the connection stays open
};

/// Appends the answer as it goes over the wire, header and body together.
void append_reply(std::string& out, const reply& x, const reply_context& context);

} // namespace keyfold::http
