#pragma once

#include "connectors/common/problem_board.hpp"
#include "connectors/kafka/client.hpp"

#include <string>
#include <string_view>

namespace keyfold::kafka {

/// What librdkafka says of one client's connections, turned into the problem `connection` of a
/// board and into log lines. One thread.
class connection_errors {
public:
  /// @param board, brokers, passed_through kept by reference
  connection_errors(problem_board& board, const std::string& brokers,
                    const properties& passed_through)
      : board_(board), brokers_(brokers), passed_through_(passed_through) {}

  /// An error event that is not fatal. Single broken connections are only remembered: they matter
  /// once no broker is left.
  void take(std::string_view owner, rd_kafka_resp_err_t code, std::string_view reason);
  /// Why the last connection broke, as a sentence; empty while none has.
  std::string sentence() const;

private:
  problem_board& board_;
  const std::string& brokers_;
  const properties& passed_through_;
  std::string reason_; // librdkafka's last words on a broken connection
  rd_kafka_resp_err_t code_ = RD_KAFKA_RESP_ERR__TRANSPORT;
};

} // namespace keyfold::kafka
