#pragma once

#include "messages/metrics.hpp"
#include "store/ledger.hpp"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace keyfold {

/// The thread that reads keys from the ledger for the routers, which never wait. Thread-safe.
class key_loader {
public:
  /// A key's state, or nothing when the ledger does not have it.
  using states = std::vector<std::optional<std::string>>;

  key_loader(store::ledger& ledger, metrics_registry& metrics,
             std::function<void(std::string)> failed);
  ~key_loader();

  /// Reads the states of `keys` and hands them to `done`, in their order, from the loader's thread.
  void load(uint32_t entity, std::vector<std::string> keys, std::function<void(states)> done);

private:
  struct request {
    uint32_t entity;
    std::vector<std::string> keys;
    std::function<void(states)> done;
  };

  void loop();
  void answer(const request& x);

  store::ledger& ledger_;
  std::function<void(std::string)> failed_;
  prometheus::Counter& loads_;
  prometheus::Counter& missing_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<request> requests_;
  bool stopping_ = false;
  std::thread thread_;
};

} // namespace keyfold
