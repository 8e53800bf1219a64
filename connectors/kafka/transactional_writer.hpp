#pragma once

#include "connectors/kafka/connection_errors.hpp"
#include "connectors/kafka/kafka_output.hpp"
#include "connectors/kafka/output_metrics.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace keyfold::kafka {

/// See `make_kafka_output`. All of librdkafka's callbacks but the log's come on the thread that
/// drives the output.
class transactional_writer : public event_output {
public:
  transactional_writer(output_settings settings, std::shared_ptr<prometheus::Registry> registry);
  ~transactional_writer() override;

  /// The client's settings; an error names the property that cannot be.
  result<settings_handle> client_settings();

  result<uint64_t> open() override;
  result<void> publish(uint64_t epoch, std::string_view log) override;
  bool fatal() const override { return fatal_; }
  component_status status() const override { return problems_.status(); }
  void interrupt() noexcept override { interrupted_ = true; }

private:
  using clock = std::chrono::steady_clock;

  /// The writers of one view's rows.
  struct row_writers {
    std::unique_ptr<row_writer> key; ///< null: records without a key
    std::unique_ptr<row_writer> value;
  };
  /// Where a record's key and value are in `text_`.
  struct record_place {
    size_t key;
    size_t value;
    size_t end;
    bool keyed;
    bool erased;
  };

  std::string owner() const;
  result<void> connect();
  result<void> make_writers();
  result<std::unique_ptr<row_writer>> make_writer(row_format format, const row_style& style,
                                                  const change_columns& x, std::string_view part);
  /// Ends every other producer with the transactional id, and their transactions.
  result<void> fence_others(const std::function<bool()>& keep_waiting);
  void disconnect() noexcept;
  tl::unexpected<error> fail_open(std::string message, bool permanent);
  void on_error(rd_kafka_resp_err_t code, std::string_view reason);
  void on_delivery(const rd_kafka_message_t& x);

  result<void> produce(std::string_view log);
  result<void> append(const change& x);
  result<void> hand_over();
  result<void> refused(rd_kafka_resp_err_t why, const rd_kafka_message_t& x);
  result<void> end(uint64_t epoch);
  result<void> send_marker(uint64_t epoch, clock::time_point deadline);
  result<void> commit(clock::time_point deadline);
  result<void> describe(std::string_view doing, const rd_kafka_error_t* failed);
  void abort() noexcept;
  bool interrupted() noexcept { return interrupted_.exchange(false); }

  output_settings settings_;
  std::vector<row_writers> writers_; ///< by `change::source`
  output_metrics metrics_;
  problem_board problems_;
  connection_errors connection_{problems_, settings_.brokers, settings_.passed_through};
  std::atomic<bool> interrupted_ = false;
  bool fatal_ = false;

  rd_kafka_t* client_ = nullptr;
  topic_handle topic_;
  bool usable_ = false; ///< initialised, and no transaction has failed since
  bool topic_there_ = false;
  rd_kafka_resp_err_t undelivered_ = RD_KAFKA_RESP_ERR_NO_ERROR; ///< the transaction's first

  std::string text_; ///< of the records not handed over yet
  std::vector<record_place> places_;
  std::vector<rd_kafka_message_t> records_;
};

} // namespace keyfold::kafka
