#pragma once

#include "http/problem.hpp"
#include "http/request_metrics.hpp"
#include "http/responder.hpp"
#include "http/target.hpp"
#include "http/tokens.hpp"

#include <boost/beast/http/verb.hpp>

#include <string>
#include <string_view>

namespace keyfold::http {

/// Which of the server's two addresses a connection came in on.
enum class bind_kind : uint8_t { main, metrics };

/// A request as an endpoint sees it. Valid while the endpoint's function runs.
struct request {
  const target& where;
  std::string_view content_type;
  std::string& body;
};

/// An endpoint. Runs on the I/O thread, must not block, and sees to it that `to` is answered, now
/// or later; what is not answered within its time is answered 503 by the connection.
using endpoint_function = void (*)(const request& what, responder to);

/// An entry of the table of paths.
struct route {
  endpoint what = endpoint::other;
  permission needs = permission::none;
  bool post = false; ///< else GET and HEAD
  endpoint_function function = nullptr;
};

/// Where a request goes, or why nowhere.
struct routing {
  const route* found = nullptr;
  fault problem = fault::unknown_path;
  std::string_view allow = {}; ///< with `method_not_allowed`: the value of Allow
};

/// Finds the endpoint of a method and path: the one place that knows all paths.
/// @param metrics_elsewhere /metrics has a bind of its own
routing find_route(boost::beast::http::verb method, const target& where, bind_kind bind,
                   bool metrics_elsewhere);

} // namespace keyfold::http
