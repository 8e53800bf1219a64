#pragma once

#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace keyfold {

/// Why the process is not ready, by component. Thread-safe.
class readiness {
public:
  /// `reason` empty: the component is ready.
  void set(const std::string& component, std::string reason) {
    std::lock_guard guard{mutex_};
    if (reason.empty())
      reasons_.erase(component);
    else
      reasons_[component] = std::move(reason);
  }
  /// Component and reason of all that are not ready; empty: ready.
  std::vector<std::pair<std::string, std::string>> reasons() const {
    std::lock_guard guard{mutex_};
    return {reasons_.begin(), reasons_.end()};
  }

private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string> reasons_;
};

} // namespace keyfold
