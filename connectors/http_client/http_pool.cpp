#include "connectors/http_client/http_pool.hpp"

#include <fmt/format.h>

namespace keyfold {

namespace {

/// Beyond the longest answer: enough to see that one is longer, and not only as long.
constexpr size_t spare_bytes = 1u << 20;

} // namespace

void http_pool::start(uint64_t number, http_exchange_request what) {
  // A server that knows no `100 Continue` would cost a second with each large body.
  what.headers.emplace_back("Expect:");
  http_transfer_limits limits;
  limits.timeout = settings_.timeout;
  limits.waiting_bytes = settings_.max_answer_bytes + spare_bytes;
  running_.push_back({number, transfers_.begin(std::move(what), limits)});
}

std::vector<http_pool::ended> http_pool::wait(std::chrono::milliseconds patience) {
  std::vector<ended> out;
  auto end = std::chrono::steady_clock::now() + patience;
  for (;;) {
    transfers_.advance();
    for (auto x = running_.begin(); x != running_.end();) {
      if (!x->transfer->ended() && !too_long(*x->transfer)) {
        ++x;
        continue;
      }
      out.push_back({x->number, answer_of(*x->transfer)});
      x = running_.erase(x);
    }
    auto rest =
        std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (!out.empty() || rest.count() <= 0 || interrupted_.exchange(false))
      return out;
    transfers_.wait(rest);
  }
}

result<http_exchange_answer> http_pool::answer_of(http_transfer& x) const {
  if (too_long(x))
    return fail(fmt::format("the answer has more than {} bytes", settings_.max_answer_bytes));
  if (!x.failure().empty())
    return fail(x.failure());
  http_exchange_answer out;
  out.status = x.status();
  out.retry_after = x.retry_after();
  out.date = x.date();
  out.body = x.take();
  return out;
}

} // namespace keyfold
