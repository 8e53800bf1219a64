#pragma once

#include "connectors/http_client/http_client.hpp"

#include <cstdint>
#include <string>
#include <string_view>

/// S2, a service of streams: append-only logs of records that are numbered from 0. Through its HTTP
/// interface, https://s2.dev/docs/rest/overview.
namespace keyfold::s2 {

/// A basin, which holds streams, and how to reach it. Plain data.
struct basin_settings {
  std::string endpoint; ///< https://HOST[:PORT]; `{basin}` in it becomes the basin's name
  std::string basin;
  http_client_settings http;
};

/// The requests of one basin. Bodies and headers of records are in base64 both ways: as plain text
/// the service would alter what is no UTF-8.
class basin_requests {
public:
  explicit basin_requests(const basin_settings& basin);

  /// The names of streams behind `after` that begin with `prefix`, at most 1000.
  http_exchange_request list(std::string_view prefix, std::string_view after) const;
  /// Makes the stream unless it is there.
  http_exchange_request create(std::string_view stream) const;
  /// The number that the next record will get.
  http_exchange_request tail(std::string_view stream) const;
  /// Records from `first`, at most `count`.
  http_exchange_request read(std::string_view stream, int64_t first, size_t count) const;
  /// The first record whose timestamp is not before.
  http_exchange_request first_at(std::string_view stream, int64_t timestamp_ms) const;
  /// Records from `first` as they come, as server-sent events.
  http_exchange_request follow(std::string_view stream, int64_t first) const;
  /// @param body see `append_body`
  http_exchange_request append(std::string_view stream, std::string body) const;

private:
  http_exchange_request get(std::string target) const;
  std::string records_of(std::string_view stream) const;

  std::string base_;
  std::vector<std::string> headers_;
};

/// Statuses of answers that have a meaning here.
namespace status {
inline constexpr long good = 200;
inline constexpr long made = 201;
inline constexpr long not_found = 404;
inline constexpr long mismatch = 412;
inline constexpr long beyond_tail = 416;
} // namespace status

/// Whether a request that got such an answer may be sent again. 0: it got none.
bool worth_retrying(long status) noexcept;

/// What was wrong with a request, from its answer: its own words, or else the status, with what a
/// person can do.
std::string refusal(long status, std::string_view body);

} // namespace keyfold::s2
