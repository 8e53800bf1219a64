#include "connectors/http_client/curl_handle.hpp"

#include <algorithm>
#include <mutex>

namespace keyfold {

CURL* make_curl_handle(const http_client_settings& settings, char* why) {
  static std::once_flag begun;
  std::call_once(begun, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  auto* curl = curl_easy_init();
  if (curl == nullptr)
    return nullptr;
  auto text = [&](CURLoption option, const std::string& value) {
    if (!value.empty())
      curl_easy_setopt(curl, option, value.c_str());
  };
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(settings.timeout.count()));
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "keyfold");
  curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
  if (!settings.token.empty())
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
  else if (!settings.user.empty())
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
  if (!settings.proxies)
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
  text(CURLOPT_XOAUTH2_BEARER, settings.token);
  text(CURLOPT_USERNAME, settings.user);
  text(CURLOPT_PASSWORD, settings.password);
  text(CURLOPT_CAINFO, settings.ca_certificate);
  text(CURLOPT_SSLCERT, settings.client_certificate);
  text(CURLOPT_SSLKEY, settings.client_key);
  return curl;
}

curl_list set_curl_request(CURL* curl, const http_exchange_request& what) {
  curl_list headers;
  for (const auto& x : what.headers)
    headers.reset(curl_slist_append(headers.release(), x.c_str()));
  curl_easy_setopt(curl, CURLOPT_URL, what.url.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  auto has_body = what.method != "GET";
  curl_easy_setopt(curl, has_body ? CURLOPT_POST : CURLOPT_HTTPGET, 1L);
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, has_body ? what.method.c_str() : nullptr);
  if (has_body) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, what.body.data());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(what.body.size()));
  }
  return headers;
}

std::chrono::seconds curl_retry_after(CURL* curl) {
  curl_off_t seconds = 0;
  curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &seconds);
  return std::chrono::seconds{seconds};
}

std::time_t curl_date(CURL* curl) {
  curl_header* date = nullptr;
  if (curl_easy_header(curl, "Date", 0, CURLH_HEADER, -1, &date) != CURLHE_OK)
    return 0;
  return std::max<std::time_t>(curl_getdate(date->value, nullptr), 0);
}

} // namespace keyfold
