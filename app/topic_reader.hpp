#pragma once

#include "features/result.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace keyfold {

struct topic_reader_settings {
  std::string brokers;
  std::string topic;
  std::map<std::string, std::string> properties; ///< librdkafka's, passed through
  std::chrono::milliseconds timeout{15'000};     ///< for the broker to answer
};

/// `HOST:PORT/TOPIC`, what follows `kafka://`.
result<topic_reader_settings> parse_topic_address(std::string_view text);

/// Reads all partitions of a topic from their beginning, committed records only, without a group.
/// One thread.
class topic_reader {
public:
  /// `key` is nothing for a record without one, `value` for a tombstone.
  using record_visitor =
      std::function<void(std::string_view place, std::optional<std::string_view> key,
                         std::optional<std::string_view> value)>;

  static result<std::unique_ptr<topic_reader>> open(const topic_reader_settings& settings);
  virtual ~topic_reader() = default;

  /// Hands records to `visit` until every partition has been read to its end. Goes on where it
  /// stopped when called again.
  virtual result<void> read_to_end(const record_visitor& visit) = 0;
};

} // namespace keyfold
