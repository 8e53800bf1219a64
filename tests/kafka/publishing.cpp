#include "publishing.hpp"

#include <array>

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

publishing::publishing(const output_settings& settings)
    : publishing(settings, std::make_shared<metrics_registry>()) {}

publishing::publishing(const output_settings& settings, std::shared_ptr<metrics_registry> metrics)
    : output_publishing(make_kafka_output(settings, metrics), metrics) {}

void publishing::upsert(const std::string& user, int64_t count, double sum) {
  std::array key{cell::string(user)};
  std::array values{cell::integer(count), cell::real(sum)};
  append({0, false, beginning_of_time, key, values});
}

} // namespace keyfold::kafka::test
