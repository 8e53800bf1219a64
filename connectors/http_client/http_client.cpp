#include "connectors/http_client/http_client.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <array>
#include <mutex>

namespace keyfold {

namespace {

struct answer_buffer {
  std::string text;
  size_t limit;
  bool too_long = false;
};

size_t take_answer(char* bytes, size_t, size_t count, void* to) {
  auto& out = *static_cast<answer_buffer*>(to);
  out.too_long = out.text.size() + count > out.limit;
  if (out.too_long)
    return 0; // ends the exchange
  out.text.append(bytes, count);
  return count;
}

struct list_freer {
  void operator()(curl_slist* x) const noexcept { curl_slist_free_all(x); }
};

} // namespace

struct http_client::handle {
  CURL* curl = nullptr;
  std::array<char, CURL_ERROR_SIZE> why{};
};

http_client::http_client(http_client_settings settings)
    : settings_(std::move(settings)), handle_(std::make_unique<handle>()) {
  static std::once_flag begun;
  std::call_once(begun, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  handle_->curl = curl_easy_init();
  if (handle_->curl != nullptr)
    configure();
}

http_client::~http_client() {
  curl_easy_cleanup(handle_->curl);
}

void http_client::configure() {
  auto* curl = handle_->curl;
  auto timeout = static_cast<long>(settings_.timeout.count());
  auto text = [&](CURLoption option, const std::string& value) {
    if (!value.empty())
      curl_easy_setopt(curl, option, value.c_str());
  };
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, handle_->why.data());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, timeout);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "keyfold");
  curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
  if (!settings_.token.empty())
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
  else if (!settings_.user.empty())
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
  if (!settings_.proxies)
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
  text(CURLOPT_XOAUTH2_BEARER, settings_.token);
  text(CURLOPT_USERNAME, settings_.user);
  text(CURLOPT_PASSWORD, settings_.password);
  text(CURLOPT_CAINFO, settings_.ca_certificate);
  text(CURLOPT_SSLCERT, settings_.client_certificate);
  text(CURLOPT_SSLKEY, settings_.client_key);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(
      curl, CURLOPT_XFERINFOFUNCTION,
      +[](void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
        return static_cast<http_client*>(self)->interrupted_ ? 1 : 0;
      });
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, this);
}

result<http_exchange_answer> http_client::exchange(const http_exchange_request& what) {
  auto* curl = handle_->curl;
  if (curl == nullptr)
    return fail("libcurl cannot be initialised");
  if (interrupted_)
    return fail("interrupted");
  std::unique_ptr<curl_slist, list_freer> headers;
  for (const auto& x : what.headers)
    headers.reset(curl_slist_append(headers.release(), x.c_str()));
  answer_buffer answer{{}, settings_.max_answer_bytes};
  curl_easy_setopt(curl, CURLOPT_URL, what.url.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
  auto has_body = what.method != "GET";
  curl_easy_setopt(curl, has_body ? CURLOPT_POST : CURLOPT_HTTPGET, 1L);
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, has_body ? what.method.c_str() : nullptr);
  if (has_body) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, what.body.data());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(what.body.size()));
  }
  handle_->why.front() = '\0';
  auto outcome = curl_easy_perform(curl);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, nullptr);
  if (interrupted_)
    return fail("interrupted");
  if (answer.too_long)
    return fail(fmt::format("the answer has more than {} bytes", settings_.max_answer_bytes));
  if (outcome != CURLE_OK)
    return fail(handle_->why.front() != '\0' ? handle_->why.data() : curl_easy_strerror(outcome));
  http_exchange_answer out;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &out.status);
  out.body = std::move(answer.text);
  return out;
}

std::string escape_segment(std::string_view text) {
  std::string out;
  for (auto c : text) {
    auto plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
                 || c == '-' || c == '.' || c == '_' || c == '~';
    if (plain)
      out.push_back(c);
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

} // namespace keyfold
