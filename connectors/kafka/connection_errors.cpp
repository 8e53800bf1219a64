#include "connectors/kafka/connection_errors.hpp"

#include <spdlog/spdlog.h>

namespace keyfold::kafka {

void connection_errors::take(std::string_view owner, rd_kafka_resp_err_t code,
                             std::string_view reason) {
  switch (code) {
  case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    if (auto news = connection_problem(code_, brokers_, reason_); board_.set("connection", news))
      spdlog::warn("{}: {}", owner, news);
    break;
  case RD_KAFKA_RESP_ERR__AUTHENTICATION:
  case RD_KAFKA_RESP_ERR__SSL:
  case RD_KAFKA_RESP_ERR__RESOLVE:
  case RD_KAFKA_RESP_ERR__TRANSPORT:
    reason_ = without_secrets(std::string{reason}, passed_through_);
    code_ = code;
    break;
  default:
    spdlog::warn("{}: kafka: {}", owner, without_secrets(std::string{reason}, passed_through_));
  }
}

std::string connection_errors::sentence() const {
  return reason_.empty() ? std::string{} : connection_problem(code_, brokers_, reason_);
}

} // namespace keyfold::kafka
