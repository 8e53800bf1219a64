#include "connectors/s2/source_metrics.hpp"

#include <utility>

namespace keyfold::s2 {

source_metrics::source_metrics(std::shared_ptr<metrics_registry> registry,
                               const std::string& stream)
    : make_(std::move(registry), "keyfold_s2_source", {{"stream", stream}}),
      lag_(make_, "Records of a stream of the basin that have not been read yet."),
      records(make_.counter("records", "Records read.")),
      bytes(make_.counter("bytes", "Bytes of the bodies read.")),
      commands(make_.counter("command_records", "Fence and trim records, passed over.")),
      empty(make_.counter("empty_records", "Records without a body, passed over.")),
      held_back(make_.counter("held_back", "Times that a stream was left waiting because it is "
                                           "more than max_lead ahead of the one furthest behind.")),
      unparsable(
          make_.counter("unparsable", "Records that could not be decoded: they are dead letters.")),
      errors(make_.counter("errors", "Requests that were refused, and connections that broke.")),
      connections(
          make_.counter("connections", "Times that the reading of a stream was begun or resumed.")),
      lost_positions(make_.counter("lost_positions",
                                   "Times that reading went on elsewhere because the "
                                   "records at the ledger's position were gone.")),
      streams(make_.gauge("streams", "Streams of the basin that are read.")),
      left_out(make_.gauge(
          "left_out_streams",
          "Streams that have failed for longer than `patience` and hold no watermark back.")),
      refused_streams(
          make_.gauge("refused_streams", "Streams found beyond max_streams, which are not read.")),
      buffered(make_.gauge("buffered_bytes",
                           "Bytes of answers that have come and whose records were not taken.")) {}

} // namespace keyfold::s2
