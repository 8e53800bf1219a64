#pragma once

#include "connectors/s2/requests.hpp"
#include "features/result.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace keyfold {

struct stream_reader_settings {
  s2::basin_settings basin;
  std::string stream;
};

/// `BASIN/STREAM`, what follows `s2://`.
/// @param properties `endpoint` (else the service in the cloud), `token`, `ca_certificate`
result<stream_reader_settings>
parse_stream_address(std::string_view text, const std::map<std::string, std::string>& properties);

/// Reads a stream of S2 from its first record. One thread.
class stream_reader {
public:
  /// `key` is nothing for a record without the header `@key`, `value` for a delete.
  using record_visitor =
      std::function<void(std::string_view place, std::optional<std::string_view> key,
                         std::optional<std::string_view> value)>;

  explicit stream_reader(stream_reader_settings settings);

  /// Hands records to `visit` until the stream's tail as it is now. Goes on where it stopped when
  /// called again.
  result<void> read_to_end(const record_visitor& visit);

private:
  result<std::string> ask(const http_exchange_request& what);

  stream_reader_settings settings_;
  s2::basin_requests requests_;
  http_client client_;
  int64_t next_ = 0;
};

} // namespace keyfold
