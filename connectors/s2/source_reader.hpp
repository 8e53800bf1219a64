#pragma once

#include "connectors/common/read_order.hpp"
#include "connectors/s2/stream_discovery.hpp"
#include "connectors/s2/stream_follower.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace keyfold::s2 {

/// See `make_s2_source`.
class source_reader : public event_source {
public:
  using clock = stream_follower::clock;

  source_reader(source_settings settings, std::shared_ptr<const stream_schema> schema,
                std::unique_ptr<record_decoder> decoder,
                std::shared_ptr<prometheus::Registry> registry);

  result<void> start(const source_positions& positions) override;
  result<source_poll> poll(size_t max_rows, std::chrono::milliseconds timeout) override;
  std::vector<std::string> partitions() const override;
  void committed(uint64_t, const source_positions&) override {}
  component_status status() const override { return problems_.status(); }
  void interrupt() noexcept override;
  void stop() override;

private:
  /// What one poll may bring in.
  struct budget {
    size_t rows;
    uint64_t dead_letter_bytes = 0;
    bool spent() const noexcept;
  };

  void discover(clock::time_point now);
  void add(const std::string& name);
  void forget_others(const std::vector<std::string>& listed);
  void remove(const stream_follower& x);
  /// False where one cannot go on: `fatal_` says why.
  bool advance(clock::time_point now);
  size_t waiting_bytes() const noexcept;
  void read(size_t max_rows, source_poll& out);
  event_time limit(clock::time_point now);
  bool read_stream(stream_follower& from, size_t count, budget& left, source_poll& out);
  void take(stream_follower& from, const read_batch::record& x, budget& left, source_poll& out);
  void collect(source_poll& out);
  void collect_unread(clock::time_point now, source_poll& out);

  source_settings settings_;
  std::shared_ptr<const stream_schema> schema_;
  std::unique_ptr<record_decoder> decoder_;
  event_batch_builder builder_;
  source_metrics metrics_;
  problem_board problems_;
  http_transfers transfers_;
  following shared_;
  stream_discovery discovery_;
  source_positions known_;    ///< of all runs, of streams that are read at present or not
  bool discovered_ = false;   ///< at least once
  bool begun_before_ = false; ///< streams that are found now were made after the reading began
  std::vector<std::unique_ptr<stream_follower>> followers_;
  std::vector<std::string> revoked_;
  std::vector<partition_progress_view> views_;
  size_t cursor_ = 0; ///< the follower to begin the next poll with
  std::string fatal_;
  std::atomic<bool> interrupted_ = false;
};

} // namespace keyfold::s2
