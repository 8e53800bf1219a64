#pragma once

#include "server.hpp"

#include "../support/source_reading.hpp"
#include "connectors/s2/s2_source.hpp"

#include <memory>
#include <string>
#include <vector>

namespace keyfold::s2::test {

/// `{"n":5,"at":1700000000}`, its event time `at` or, without, the record's timestamp.
std::shared_ptr<const stream_schema> test_schema(bool with_time = true);
plain_record test_record(int64_t n);
std::vector<plain_record> test_records(int64_t from, int64_t count);

source_settings test_settings(const std::string& prefix,
                              const std::string& url = test_server::instance().url());

/// A source and all that it has brought so far.
class reading : public testing::source_reading {
public:
  explicit reading(source_settings settings, const source_positions& from = {},
                   std::shared_ptr<const stream_schema> schema = test_schema());

private:
  reading(source_settings settings, const source_positions& from,
          std::shared_ptr<const stream_schema> schema, std::shared_ptr<metrics_registry> metrics);
};

} // namespace keyfold::s2::test
