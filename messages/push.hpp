#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace keyfold {

/// What became of a push.
struct push_outcome {
  /// `not_started`: the stream's source does not know its positions yet; nothing was taken.
  enum class kind : uint8_t { done, unknown_stream, not_started, overloaded, stopping };
  kind what = kind::done;
  uint64_t accepted = 0;
  std::vector<std::pair<size_t, std::string>>
      rejected; ///< place in the request, reason; they are in the dead letters too
};

/// Takes events by hand. Thread-safe.
class push_endpoint {
public:
  virtual ~push_endpoint() = default;
  /// @param rows one JSON object each, as the stream's schema reads them
  /// @param durable call `done` once the events are in the ledger, not as soon as they are accepted
  /// @param done called exactly once, from any thread
  virtual void push(std::string_view stream, std::vector<std::string> rows, bool durable,
                    std::function<void(push_outcome)> done) = 0;
  /// The streams that take pushes.
  virtual std::vector<std::string> streams() const = 0;
};

} // namespace keyfold
