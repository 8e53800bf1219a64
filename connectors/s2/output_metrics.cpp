#include "connectors/s2/output_metrics.hpp"

#include <utility>

namespace keyfold::s2 {

output_metrics::output_metrics(std::shared_ptr<metrics_registry> registry,
                               const std::string& output)
    : make_(std::move(registry), "keyfold_s2_output", {{"output", output}}),
      records(make_.counter("records", "Records appended.")),
      bytes(make_.counter("bytes", "Bytes of these records, as the service meters them.")),
      appends(make_.counter("appends", "Appends, of up to 1000 records each.")),
      retries(make_.counter("retries", "Requests that were sent again.")),
      found_again(make_.counter(
          "appends_found",
          "Appends whose answer was lost and whose records were found in the stream.")),
      foreign(make_.counter("foreign_records", "Records of others that came between ours.")),
      resumed(
          make_.counter("resumed_epochs", "Epochs that were found half appended, and completed.")),
      deletes_left_out(
          make_.counter("deletes_left_out", "Deletes of keys, which appended rows cannot tell.")),
      too_large(make_.counter("too_large_rows",
                              "Rows larger than the service takes: they are dead letters.")),
      publish_seconds(make_.publish_seconds("Time to append an epoch.")) {}

} // namespace keyfold::s2
