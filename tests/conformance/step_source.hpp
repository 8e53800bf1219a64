#pragma once

#include "case.hpp"
#include "connectors/formats/record_decoder.hpp"
#include "messages/event_source.hpp"

namespace keyfold::conformance {

/// Gives the steps of a run that are of one stream, one by one: each record of its own and with the
/// time it moves the stream to. Then it ends.
class step_source final : public event_source {
public:
  /// @param of outlives the source
  step_source(const run& of, std::shared_ptr<const stream_schema> schema);

  result<void> start(const source_positions& positions) override;
  result<source_poll> poll(size_t max_rows, std::chrono::milliseconds timeout) override;
  std::vector<std::string> partitions() const override { return {partition}; }
  void committed(uint64_t, const source_positions&) override {}
  component_status status() const override { return {}; }
  void interrupt() noexcept override {}
  void stop() override {}

private:
  static constexpr auto partition = "steps";

  result<void> take(const record& x, source_poll& out);

  const run& run_;
  std::shared_ptr<const stream_schema> schema_;
  event_batch_builder rows_;
  std::unique_ptr<record_decoder> decoder_;
  size_t next_ = 0;
  event_time reached_ = beginning_of_time;
};

} // namespace keyfold::conformance
