#include "connectors/http_client/http_client.hpp"

#include "connectors/http_client/curl_handle.hpp"

#include <fmt/format.h>

#include <array>

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

} // namespace

struct http_client::handle {
  CURL* curl = nullptr;
  std::array<char, CURL_ERROR_SIZE> why{};
};

http_client::http_client(http_client_settings settings)
    : settings_(std::move(settings)), handle_(std::make_unique<handle>()) {
  handle_->curl = make_curl_handle(settings_, handle_->why.data());
  if (handle_->curl == nullptr)
    return;
  auto* curl = handle_->curl;
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(settings_.timeout.count()));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(
      curl, CURLOPT_XFERINFOFUNCTION,
      +[](void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
        return static_cast<http_client*>(self)->interrupted_ ? 1 : 0;
      });
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, this);
}

http_client::~http_client() {
  curl_easy_cleanup(handle_->curl);
}

result<http_exchange_answer> http_client::exchange(const http_exchange_request& what) {
  auto* curl = handle_->curl;
  if (curl == nullptr)
    return fail("libcurl cannot be initialised");
  if (interrupted_)
    return fail("interrupted");
  answer_buffer answer{{}, settings_.max_answer_bytes};
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
  auto headers = set_curl_request(curl, what);
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
  out.retry_after = curl_retry_after(curl);
  out.date = curl_date(curl);
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
