#pragma once

#include "connectors/s2/stream_follower.hpp"

#include <set>
#include <string>

namespace keyfold::s2 {

/// Finds the streams of a basin whose names begin with the prefix, again and again. Never blocks.
class stream_discovery {
public:
  using clock = stream_follower::clock;

  explicit stream_discovery(following& with) : with_(with) {}

  /// Does what can be done without waiting. True when the service has been asked anew: see `names`.
  bool advance(clock::time_point now);
  /// All that there were when it was last asked, at most `max_streams`.
  const std::set<std::string>& names() const noexcept { return names_; }
  /// That it will be asked no more.
  void finish() noexcept { finished_ = true; }

private:
  void ask(const std::string& after);
  /// False where the answer cannot be used.
  bool take_answer(clock::time_point now);
  void failed(clock::time_point now, const std::string& why);
  void complete(clock::time_point now);

  following& with_;
  std::set<std::string> names_;
  std::set<std::string> found_; ///< so far
  uint64_t beyond_ = 0;         ///< those that are too many
  std::unique_ptr<http_transfer> transfer_;
  clock::time_point next_at_{};
  backoff backoff_{static_cast<uint32_t>(clock::now().time_since_epoch().count())};
  bool finished_ = false;
};

} // namespace keyfold::s2
