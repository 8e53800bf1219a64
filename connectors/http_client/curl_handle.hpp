#pragma once

#include "connectors/http_client/http_client.hpp"

#include <curl/curl.h>

#include <chrono>
#include <memory>

/// What the clients of HTTP share of libcurl.
namespace keyfold {

struct curl_list_freer {
  void operator()(curl_slist* x) const noexcept { curl_slist_free_all(x); }
};
using curl_list = std::unique_ptr<curl_slist, curl_list_freer>;

/// A handle that reaches servers as `settings` says: who asks, whom to trust, how long to connect.
/// Null when libcurl cannot be initialised.
/// @param why CURL_ERROR_SIZE bytes for its messages, which outlive the handle
CURL* make_curl_handle(const http_client_settings& settings, char* why);

/// Sets method, URL, headers and body. @pre `what` outlives the exchange
/// @return the headers, to be kept until its end
curl_list set_curl_request(CURL* curl, const http_exchange_request& what);

/// What the answer's Retry-After asks for; 0: nothing.
std::chrono::seconds curl_retry_after(CURL* curl);

/// What the answer's Date says; 0: nothing.
std::time_t curl_date(CURL* curl);

} // namespace keyfold
