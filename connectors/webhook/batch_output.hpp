#pragma once

#include "connectors/common/letter_box.hpp"
#include "connectors/formats/change_lines.hpp"
#include "connectors/http_client/retry_queue.hpp"
#include "connectors/webhook/output_metrics.hpp"
#include "connectors/webhook/webhook_output.hpp"

#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace keyfold::webhook {

/// See `make_webhook_output`.
class batch_output final : public event_output {
public:
  batch_output(output_settings settings, std::shared_ptr<prometheus::Registry> registry,
               std::shared_ptr<dead_letter_queue> letters);

  result<uint64_t> open() override;
  result<void> publish(uint64_t epoch, std::string_view log) override;
  bool fatal() const override { return fatal_; }
  component_status status() const override;
  void interrupt() noexcept override;

private:
  /// Rows that are one request.
  struct batch {
    std::string key;
    std::vector<std::string> rows;
    size_t bytes = 0;
    int attempts = 0;
  };

  result<void> send_all(uint64_t epoch, std::string_view log);
  result<void> send(batch x);
  result<http_exchange_request> request(const batch& x) const;
  void take(batch x, const result<http_exchange_answer>& answered);
  void refuse_or_split(batch x, const http_exchange_answer& said);
  std::string answer_text(const http_exchange_answer& said) const;
  void say(std::string sentence);

  output_settings settings_;
  std::string url_; ///< as it may be shown
  change_lines lines_;
  output_metrics metrics_;
  letter_box letters_;
  retry_queue<batch> requests_;
  uint64_t epoch_ = 0;
  std::set<std::string> done_; ///< keys of the epoch's batches that have arrived
  bool fatal_ = false;
  mutable std::mutex status_mutex_;
  component_status status_;
};

} // namespace keyfold::webhook
