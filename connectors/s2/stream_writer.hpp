#pragma once

#include "connectors/common/backoff.hpp"
#include "connectors/common/problem_board.hpp"
#include "connectors/s2/answers.hpp"
#include "connectors/s2/append_batch.hpp"
#include "connectors/s2/output_metrics.hpp"
#include "connectors/s2/s2_output.hpp"

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace keyfold::s2 {

/// See `make_s2_output`.
class stream_writer : public event_output {
public:
  stream_writer(output_settings settings, std::shared_ptr<prometheus::Registry> registry);

  result<uint64_t> open() override;
  result<void> publish(uint64_t epoch, std::string_view log) override;
  bool fatal() const override { return fatal_; }
  component_status status() const override { return problems_.status(); }
  void interrupt() noexcept override;

private:
  using clock = std::chrono::steady_clock;

  /// The writers of one view's rows.
  struct row_writers {
    std::unique_ptr<row_writer> key; ///< null: there is none
    std::unique_ptr<row_writer> value;
  };
  /// The epoch that is being appended, and how far.
  struct progress {
    batch_marker marker;
    uint64_t skip = 0; ///< so many changes of it are in the stream already
  };

  struct marker_search {
    std::optional<batch_marker> marker;
    int64_t number = 0; ///< of its record
    bool whole = false; ///< the first record asked for is still there
  };

  std::string owner() const;
  /// Sends a request until it is answered with a status that a retry cannot mend, or for some
  /// seconds. An error is that there was no such answer.
  result<http_exchange_answer> exchange(const http_exchange_request& what);
  bool pause(std::chrono::milliseconds wait);
  tl::unexpected<error> fail_open(std::string message);

  result<void> create();
  result<void> fence();
  /// Looks for the newest marker below `end`.
  result<std::optional<batch_marker>> find_marker(int64_t end);
  /// The newest marker among the numbers from `first` to before `end`.
  result<marker_search> newest_marker(int64_t first, int64_t end);
  /// Hands all records from `first` to before `end` to `visit`, as far as they are still there.
  template <class Visit>
  result<void> read_between(int64_t first, int64_t end, const Visit& visit);

  result<void> append_all(std::string_view log, progress& at);
  result<void> append_change(const change& x, progress& at);
  result<void> write_record(const change& x, new_record& out);
  result<void> bury(const change& x, const new_record& record, const progress& at);
  result<void> send(progress& at, bool last);
  /// After the service has said that our number is not the next: false where our append is not
  /// among what is there, and is to be sent again.
  result<bool> resolve(const append_mismatch& why, const batch_marker& ours);
  result<void> refuse_append(const http_exchange_answer& answer);

  output_settings settings_;
  basin_requests requests_;
  std::vector<row_writers> writers_; ///< by `change::source`
  output_metrics metrics_;
  problem_board problems_;
  http_client client_;
  backoff backoff_;
  std::string token_; ///< of this process
  std::atomic<bool> interrupted_ = false;
  bool fatal_ = false;
  bool open_ = false;
  bool there_ = false;                ///< the stream
  int64_t next_ = 0;                  ///< the number that the next record gets
  std::optional<batch_marker> found_; ///< by `open`
  append_batch batch_;
  std::pair<uint64_t, uint64_t> lettered_{}; ///< epoch and changes before the last row buried
  std::string key_;
  std::string value_;
};

} // namespace keyfold::s2
