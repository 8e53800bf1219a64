#include "publishing.hpp"

#include <array>
#include <stdexcept>
#include <utility>

namespace keyfold::kafka::test {

output_settings test_output() {
  output_settings out;
  out.name = "counters";
  out.brokers = test_broker::instance().address();
  out.topic = unique("out");
  out.transactional_id = unique("tx");
  out.columns = {{"counters",
                  {{"user", *parse_data_type("string")}},
                  {{"count", *parse_data_type("int64")}, {"sum", *parse_data_type("double")}}}};
  return out;
}

publishing::publishing(const output_settings& settings) {
  auto made = make_kafka_output(settings, std::make_shared<prometheus::Registry>());
  if (!made)
    throw std::runtime_error{made.error().message};
  target_ = std::move(*made);
}

uint64_t publishing::open() {
  auto opened = target_->open();
  if (!opened)
    throw std::runtime_error{opened.error().message};
  return *opened;
}

void publishing::upsert(const std::string& user, int64_t count, double sum) {
  std::array key{cell::string(user)};
  std::array values{cell::integer(count), cell::real(sum)};
  append({0, false, beginning_of_time, key, values});
}

void publishing::erase(const std::string& user) {
  std::array key{cell::string(user)};
  append({0, true, beginning_of_time, key, {}});
}

void publishing::append(const change& x) {
  change_log_writer{log_}.append(x);
}

std::string publishing::take() {
  return std::exchange(log_, {});
}

std::string publishing::publish(uint64_t epoch) {
  auto done = target_->publish(epoch, take());
  return done ? "" : done.error().message;
}

} // namespace keyfold::kafka::test
