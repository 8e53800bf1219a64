#pragma once

#include "connectors/common/read_order.hpp"
#include "connectors/kafka/assignment.hpp"
#include "connectors/kafka/connection_errors.hpp"
#include "connectors/kafka/kafka_source.hpp"
#include "connectors/kafka/source_metrics.hpp"
#include "connectors/kafka/wake_signal.hpp"

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace keyfold::kafka {

/// See `make_kafka_source`. The main queue of the client is served by `poll`, so that all of
/// librdkafka's callbacks but the log's and the wake-ups come on the reader's thread.
class source_reader : public event_source {
public:
  source_reader(source_settings settings, std::shared_ptr<const stream_schema> schema,
                std::unique_ptr<record_decoder> decoder,
                std::shared_ptr<prometheus::Registry> registry);
  ~source_reader() override;

  /// The client's settings; an error names the property that cannot be.
  result<settings_handle> client_settings();

  result<void> start(const source_positions& positions) override;
  result<source_poll> poll(size_t max_rows, std::chrono::milliseconds timeout) override;
  std::vector<std::string> partitions() const override;
  void committed(uint64_t epoch, const source_positions& positions) override;
  component_status status() const override { return problems_.status(); }
  void interrupt() noexcept override;
  void stop() override;

private:
  struct group_commit {
    uint64_t epoch;
    source_positions positions;
  };
  /// What one poll may bring in; what is left stays with librdkafka, whose queues are bounded.
  struct budget {
    size_t rows;
    uint64_t dead_letter_bytes = 0;
    bool spent() const noexcept;
  };

  std::string owner() const;
  std::string member_name() const;
  result<void> subscribe();
  void serve_client();
  void on_client_message(const rd_kafka_message_t& x);
  void on_error(rd_kafka_resp_err_t code, std::string_view reason);
  void on_statistics(std::string_view json);
  void look_for_missing_topics();

  void read(size_t max_rows, source_poll& out);
  event_time read_limit();
  bool read_partition(assigned_partition& from, size_t count, budget& left, source_poll& out);
  size_t next_messages(assigned_partition& from, size_t count);
  bool take_all(assigned_partition& from, size_t count, budget& left, source_poll& out);
  bool take(assigned_partition& from, const rd_kafka_message_t& x, budget& left, source_poll& out);
  void hold(assigned_partition& from, size_t first, size_t count);
  void stall(assigned_partition& from, int64_t offset, const std::string& why);
  void go_on(assigned_partition& from);
  void bury(const assigned_partition& from, const rd_kafka_message_t& x, std::string reason,
            budget& left, source_poll& out);
  void on_end(assigned_partition& from, int64_t offset);
  void on_partition_error(assigned_partition& from, const rd_kafka_message_t& x);
  void on_missing_records(assigned_partition& from);

  void send_group_commit();
  void on_group_commit(rd_kafka_resp_err_t failed);

  source_settings settings_;
  std::shared_ptr<const stream_schema> schema_;
  std::unique_ptr<record_decoder> decoder_;
  event_batch_builder builder_;
  source_metrics metrics_;
  problem_board problems_;
  connection_errors connection_{problems_, settings_.brokers, settings_.passed_through};
  wake_signal wake_;
  std::atomic<bool> interrupted_ = false;

  rd_kafka_t* client_ = nullptr;
  queue_handle main_queue_;
  assignment assignment_;
  std::vector<rd_kafka_message_t*> messages_;
  std::vector<partition_progress_view> progress_;
  size_t cursor_ = 0; ///< the partition to begin the next poll with
  bool must_restart_ = false;
  std::string fatal_;      ///< the sentence that ends reading
  bool connected_ = false; ///< to any broker, by the latest statistics
  uint64_t disconnects_ = 0;
  std::chrono::steady_clock::time_point look_again_at_{};

  std::mutex commit_mutex_;
  std::optional<group_commit> to_commit_; ///< the newest; older ones it makes superfluous
  bool committing_ = false;               ///< reader's thread only
};

} // namespace keyfold::kafka
