#include "connectors/http_client/http_transfers.hpp"

#include "connectors/http_client/curl_handle.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace keyfold {

class http_transfers::one : public http_transfer {
public:
  one(CURLM* multi, const http_client_settings& settings, http_exchange_request what,
      http_transfer_limits limits)
      : multi_(multi), what_(std::move(what)), limits_(limits),
        curl_(make_curl_handle(settings, why_.data())) {
    if (curl_ == nullptr) {
      end(CURLE_FAILED_INIT);
      return;
    }
    headers_ = set_curl_request(curl_, what_);
    curl_easy_setopt(curl_, CURLOPT_PRIVATE, this);
    curl_easy_setopt(curl_, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(curl_, CURLOPT_WRITEDATA, this);
    // A connection of its own for each that is under way: what one leaves unread holds no other up.
    curl_easy_setopt(curl_, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(curl_, CURLOPT_TIMEOUT_MS, static_cast<long>(limits.timeout.count()));
    if (limits.quiet.count() > 0) {
      curl_easy_setopt(curl_, CURLOPT_LOW_SPEED_LIMIT, 1L);
      curl_easy_setopt(curl_, CURLOPT_LOW_SPEED_TIME, static_cast<long>(limits.quiet.count()));
    }
    curl_multi_add_handle(multi_, curl_);
  }
  ~one() override {
    if (curl_ == nullptr)
      return;
    curl_multi_remove_handle(multi_, curl_);
    curl_easy_cleanup(curl_);
  }
  one(const one&) = delete;
  one& operator=(const one&) = delete;

  long status() const override {
    long out = 0;
    if (curl_ != nullptr)
      curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &out);
    return out;
  }
  const std::string& waiting() const override { return waiting_; }
  std::string take() override {
    auto out = std::exchange(waiting_, {});
    if (std::exchange(paused_, false))
      curl_easy_pause(curl_, CURLPAUSE_CONT); // may come back with more at once
    return out;
  }
  bool ended() const override { return ended_; }
  const std::string& failure() const override { return failure_; }
  std::chrono::seconds retry_after() const override {
    return curl_ == nullptr ? std::chrono::seconds{0} : curl_retry_after(curl_);
  }
  std::time_t date() const override { return curl_ == nullptr ? 0 : curl_date(curl_); }

  void end(CURLcode outcome) {
    ended_ = true;
    if (outcome == CURLE_OK)
      return;
    if (outcome == CURLE_OPERATION_TIMEDOUT && status() == 200 && limits_.quiet.count() > 0)
      failure_ = "nothing has come for " + std::to_string(limits_.quiet.count()) + " s";
    else
      failure_ = why_.front() != '\0' ? why_.data() : curl_easy_strerror(outcome);
  }

private:
  static size_t take_answer(char* bytes, size_t, size_t count, void* to) {
    auto& self = *static_cast<one*>(to);
    if (!self.waiting_.empty() && self.waiting_.size() + count > self.limits_.waiting_bytes) {
      self.paused_ = true;
      return CURL_WRITEFUNC_PAUSE;
    }
    self.waiting_.append(bytes, count);
    return count;
  }

  CURLM* multi_;
  http_exchange_request what_;
  http_transfer_limits limits_;
  std::array<char, CURL_ERROR_SIZE> why_{};
  CURL* curl_;
  curl_list headers_;
  std::string waiting_;
  bool paused_ = false;
  bool ended_ = false;
  std::string failure_;
};

http_transfers::http_transfers(http_client_settings settings) : settings_(std::move(settings)) {
  // libcurl is initialised by the first handle, and a multi handle must come after that.
  std::array<char, CURL_ERROR_SIZE> why{};
  curl_easy_cleanup(make_curl_handle(settings_, why.data()));
  multi_ = curl_multi_init();
}

http_transfers::~http_transfers() {
  curl_multi_cleanup(static_cast<CURLM*>(multi_));
}

std::unique_ptr<http_transfer> http_transfers::begin(http_exchange_request what,
                                                     http_transfer_limits limits) {
  return std::make_unique<one>(static_cast<CURLM*>(multi_), settings_, std::move(what), limits);
}

void http_transfers::advance() {
  int running = 0;
  curl_multi_perform(static_cast<CURLM*>(multi_), &running);
  int left = 0;
  while (auto* message = curl_multi_info_read(static_cast<CURLM*>(multi_), &left)) {
    if (message->msg != CURLMSG_DONE)
      continue;
    void* self = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &self);
    static_cast<one*>(self)->end(message->data.result);
  }
}

void http_transfers::wait(std::chrono::milliseconds timeout) {
  auto most = std::max<std::chrono::milliseconds::rep>(timeout.count(), 0);
  curl_multi_poll(static_cast<CURLM*>(multi_), nullptr, 0, static_cast<int>(most), nullptr);
}

void http_transfers::wake_up() noexcept {
  curl_multi_wakeup(static_cast<CURLM*>(multi_));
}

} // namespace keyfold
