#pragma once

#include "connectors/dynamodb/output_metrics.hpp"
#include "connectors/dynamodb/service.hpp"
#include "connectors/http_client/retry_queue.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold::dynamodb {

/// Sends rows, several requests at once, until DynamoDB has all of them or one cannot be had. No
/// two rows between two calls of `finish` have the same key: they arrive in any order. For one
/// thread but for `interrupt`.
class row_sender {
public:
  static constexpr size_t max_batch_rows = 25;
  static constexpr size_t max_batch_bytes = 12u << 20; // DynamoDB takes 16 MB
  static constexpr int max_failures = 8;               ///< of a request, one after the other

  struct settings {
    std::string table;
    std::string region;
    size_t max_in_flight = 8;
  };
  struct refused_row {
    std::string row;
    std::string why;
  };
  /// Tells what holds up the rows at the moment; an empty sentence: nothing does.
  using reporter = std::function<void(std::string)>;

  row_sender(settings x, service& to, output_metrics& metrics, reporter report);

  /// A part of a batch: `{"PutRequest":…}` or `{"DeleteRequest":…}`. Waits while as much is in
  /// flight as may be. An error says why this and other rows cannot be had.
  result<void> batch(std::string row);
  /// A request of its own: PutItem or DeleteItem, with its body.
  result<void> single(std::string_view operation, std::string body);
  /// Waits until all rows are there, or refused.
  result<void> finish();
  /// Rows that DynamoDB does not take, of which each was asked alone.
  std::vector<refused_row>& refused() noexcept { return refused_; }
  /// Forgets all that is under way.
  void abandon() noexcept;
  /// Ends `batch`, `single` and `finish` with an error, now and later. Any thread.
  void interrupt() noexcept { requests_.interrupt(); }

private:
  struct request {
    std::string operation;
    std::vector<std::string> rows;
    int attempts = 0; // that nothing came of, one after the other
    int failures = 0; // of those, without an answer, or with a server's error
    int learned = 0;  // attempts made only since something was learned of an answer
  };

  result<void> submit(request x);
  void take(request x, const result<http_exchange_answer>& answered);
  void again(request x, const judgement& said, std::chrono::seconds at_least);
  void refuse_or_split(request x, std::string why);
  void give_up(const judgement& said);
  void done(size_t rows);
  std::string body_of(const request& x) const;

  settings settings_;
  service& service_;
  output_metrics& metrics_;
  reporter report_;
  retry_queue<request> requests_;
  request open_;
  size_t open_bytes_ = 0;
  std::vector<refused_row> refused_;
  bool reported_ = false;
};

} // namespace keyfold::dynamodb
