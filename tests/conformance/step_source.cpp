#include "step_source.hpp"

#include <thread>

namespace keyfold::conformance {

step_source::step_source(const run& of, std::shared_ptr<const stream_schema> schema)
    : run_(of), schema_(schema), rows_(std::move(schema), 1) {}

result<void> step_source::start(const source_positions&) {
  auto made = make_record_decoder(schema_, {});
  if (!made)
    return tl::unexpected{made.error()};
  decoder_ = std::move(*made);
  return {};
}

result<source_poll> step_source::poll(size_t, std::chrono::milliseconds) {
  source_poll out;
  if (next_ == run_.steps.size())
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  while (next_ < run_.steps.size() && out.records == 0) {
    const auto& now = run_.steps[next_++];
    if (const auto* moment = std::get_if<watermark>(&now)) {
      // What the stream makes a watermark of is the newest time: behind it by this much.
      reached_ = event_time{std::chrono::milliseconds{moment->milliseconds}}
                 + schema_->time.max_delay + duration{1};
      break;
    }
    const auto& next = std::get<record>(now);
    if (next.stream == schema_->name)
      if (auto taken = take(next, out); !taken)
        return tl::unexpected{taken.error()};
  }
  out.progress.push_back(
      {partition, static_cast<int64_t>(next_), reached_, next_ == run_.steps.size()});
  return out;
}

result<void> step_source::take(const record& x, source_poll& out) {
  ++out.records;
  auto decoded = decoder_->decode(x.value.dump(), std::nullopt, rows_);
  if (!decoded)
    return tl::unexpected{decoded.error()};
  if (*decoded == event_batch_builder::outcome::filtered) {
    ++out.filtered;
    return {};
  }
  if (!run_.explicit_time)
    reached_ = std::max(reached_, rows_.last_time());
  out.events = rows_.build();
  return {};
}

} // namespace keyfold::conformance
