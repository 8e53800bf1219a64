#pragma once

#include "connectors/http_client/http_transfers.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

namespace keyfold {

/// Several exchanges with HTTP servers at once, whose answers are taken as a whole. For one thread
/// but for `interrupt`.
class http_pool {
public:
  /// @param settings of every exchange; its `timeout` is from the start to the end of one
  /// @param most how many may run at once
  http_pool(http_client_settings settings, size_t most)
      : settings_(settings), most_(std::max<size_t>(most, 1)), transfers_(std::move(settings)) {}

  size_t running() const noexcept { return running_.size(); }
  bool full() const noexcept { return running() >= most_; }
  /// Begins an exchange. @pre not `full`
  /// @param number tells it from others when it has ended
  void start(uint64_t number, http_exchange_request what);

  struct ended {
    uint64_t number = 0;
    result<http_exchange_answer> answer; ///< as of `http_client::exchange`
  };
  /// Works on what runs until some of it has ended, `patience` is over or `interrupt` was called;
  /// where nothing runs, too.
  std::vector<ended> wait(std::chrono::milliseconds patience);
  /// Ends all that runs: nothing more is told of it.
  void abandon() noexcept { running_.clear(); }
  /// Makes `wait` return soon. Any thread.
  void interrupt() noexcept {
    interrupted_ = true;
    transfers_.wake_up();
  }

private:
  struct one {
    uint64_t number;
    std::unique_ptr<http_transfer> transfer;
  };

  bool too_long(const http_transfer& x) const {
    return x.waiting().size() > settings_.max_answer_bytes;
  }
  result<http_exchange_answer> answer_of(http_transfer& x) const;

  http_client_settings settings_;
  size_t most_;
  http_transfers transfers_;
  std::vector<one> running_;
  std::atomic<bool> interrupted_ = false;
};

} // namespace keyfold
