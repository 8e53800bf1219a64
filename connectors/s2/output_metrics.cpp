#include "connectors/s2/output_metrics.hpp"

#include <utility>

namespace keyfold::s2 {
namespace {

prometheus::Counter& counter(prometheus::Registry& registry, const std::string& output,
                             const std::string& what, const std::string& help) {
  return prometheus::BuildCounter()
      .Name("keyfold_s2_output_" + what + "_total")
      .Help(help)
      .Register(registry)
      .Add({{"output", output}});
}

} // namespace

output_metrics::output_metrics(std::shared_ptr<prometheus::Registry> registry,
                               const std::string& output)
    : registry_(std::move(registry)),
      records(counter(*registry_, output, "records", "Records appended.")),
      bytes(counter(*registry_, output, "bytes",
                    "Bytes of these records, as the service meters "
                    "them.")),
      appends(counter(*registry_, output, "appends", "Appends, of up to 1000 records each.")),
      retries(counter(*registry_, output, "retries", "Requests that were sent again.")),
      found_again(counter(*registry_, output, "appends_found",
                          "Appends whose answer was lost and whose records were found in the "
                          "stream.")),
      foreign(counter(*registry_, output, "foreign_records",
                      "Records of others that came between ours.")),
      resumed(counter(*registry_, output, "resumed_epochs",
                      "Epochs that were found half appended, and completed.")),
      deletes_left_out(counter(*registry_, output, "deletes_left_out",
                               "Deletes of keys, which appended rows cannot tell.")),
      too_large(counter(*registry_, output, "too_large_rows",
                        "Rows larger than the service takes: they are dead letters.")),
      publish_seconds(prometheus::BuildHistogram()
                          .Name("keyfold_s2_output_publish_seconds")
                          .Help("Time to append an epoch.")
                          .Register(*registry_)
                          .Add({{"output", output}},
                               prometheus::Histogram::BucketBoundaries{
                                   0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30})) {}

} // namespace keyfold::s2
