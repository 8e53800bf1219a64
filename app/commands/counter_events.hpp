#pragma once

#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold {

/// Draws ranks 1 to n with probability proportional to rank^-skew: rejection-inversion, "W.
/// Hörmann, G. Derflinger, Rejection-inversion to generate variates from monotone discrete
/// distributions, 1996". Constant time and memory, whatever n.
class zipf_ranks {
public:
  /// @pre `count > 0`, `skew >= 0` (0: uniform)
  zipf_ranks(uint64_t count, double skew);
  uint64_t operator()(std::mt19937_64& random) const;

private:
  double height(double x) const;
  double area(double x) const;
  double inverse_area(double x) const;

  double count_;
  double skew_;
  double first_area_;
  double last_area_;
  double always_accepted_;
};

/// The most users, creators or posts: above, scattering them would overflow.
inline constexpr uint64_t max_identifiers = 4'000'000'000;

/// What `keyfold generate counters` varies.
struct counter_event_options {
  uint64_t events = 1'000'000;
  uint64_t users = 100'000;
  uint64_t creators = 10'000;
  uint64_t posts = 50'000;
  double skew = 0.8; ///< of the Zipf distribution of users, creators and posts
  uint64_t seed = 1;
  int64_t start = 1'707'605'599;        ///< seconds since 1970, of the first event
  std::chrono::seconds span{3600};      ///< of event time, over all events
  std::chrono::seconds out_of_order{5}; ///< how far behind its place an event's time may be
};

/// What people do with the posts of a social network: a pure function of its options, the same on
/// every run. Views are the most frequent event and have a duration; likes, shares and comments
/// follow. One thread.
class counter_events {
public:
  /// @pre `users`, `creators` and `posts` are 1 to `max_identifiers`, `span` and `out_of_order` not
  /// negative
  explicit counter_events(const counter_event_options& options);
  /// False when all have been made.
  bool next();
  /// The event as one line of JSON, without the line's end. Valid until the next call of `next`.
  std::string_view json() const noexcept { return json_; }
  /// Its user: the key of the event in a topic.
  std::string_view user() const noexcept { return user_; }

private:
  counter_event_options options_;
  zipf_ranks users_;
  zipf_ranks creators_;
  zipf_ranks posts_;
  std::mt19937_64 random_;
  uint64_t made_ = 0;
  std::string json_;
  std::string user_;
};

} // namespace keyfold
