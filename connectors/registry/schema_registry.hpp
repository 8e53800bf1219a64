#pragma once

#include "connectors/formats/avro/schema_source.hpp"
#include "connectors/http_client/http_client.hpp"
#include "connectors/registry/registry_metrics.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <tl/expected.hpp>

namespace keyfold {

struct registry_settings {
  /// Of its API, whatever stands before `/schemas/ids`: `http://host:8081`, or of Apicurio
  /// `http://host:8080/apis/ccompat/v7`.
  std::string url;
  http_client_settings http;
  std::chrono::milliseconds forget_missing{10'000}; ///< how long a number is known to be unknown
  std::chrono::milliseconds retry_from{100};        ///< the first wait after a failure, doubled
  std::chrono::milliseconds retry_to{10'000};       ///< each time up to this
};

/// What a registry has against a schema.
struct registry_refusal {
  std::string message;
  bool permanent = false; ///< no retry mends it
};

/// A schema registry with the Confluent API (Confluent's own, Apicurio, Karapace, Redpanda).
///
/// Looks schemas up in a thread of its own, which begins with the first question. What it found
/// never changes and is kept; a number that the registry does not know is asked for again after
/// `forget_missing`. While the registry cannot be reached, refuses the credentials or answers with
/// 5xx, it is asked again and again, less and less often: a question stays open, so that no record
/// is lost. Thread-safe.
class schema_registry final : public avro::schema_source {
public:
  /// Schemas kept; the oldest beyond are forgotten.
  static constexpr size_t max_schemas = 2000;
  /// Schemas that one may refer to, directly or not.
  static constexpr size_t max_references = 64;

  schema_registry(registry_settings settings, std::shared_ptr<prometheus::Registry> metrics);
  ~schema_registry() override;

  answer find(int32_t id) override;

  /// The number of `schema` under `subject`. Waits for the answer of one request.
  /// @param create registers it if it is not there; else that is a refusal
  tl::expected<int32_t, registry_refusal> number_of(std::string_view subject,
                                                    std::string_view schema, bool create);
  const std::string& url() const noexcept { return settings_.url; }

private:
  using clock = std::chrono::steady_clock;
  struct entry {
    answer known;
    clock::time_point until = clock::time_point::max(); ///< of one that is not there
  };
  /// What one request came to.
  struct reply {
    enum class kind : uint8_t { good, missing, failed } what = kind::failed;
    std::string body;
    std::string why;
  };

  void ask(int32_t id);
  void loop();
  void answer_next(std::unique_lock<std::mutex>& lock);
  void keep(int32_t id, entry found);
  void fail_all(const std::string& why);
  entry look_up(int32_t id);
  bool add_references(const std::string& body, std::deque<std::string>& seen,
                      std::vector<std::string>& texts, std::string& why);
  reply get(const std::string& path);
  reply judge(const result<http_exchange_answer>& answered) const;

  registry_settings settings_;
  registry_metrics metrics_;
  http_client client_; ///< of the thread
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<int32_t, entry> entries_;
  std::deque<int32_t> order_; ///< of those known, oldest first
  std::deque<int32_t> asked_; ///< to be looked up, in turn
  clock::time_point not_before_{};
  unsigned failures_ = 0; ///< in a row
  bool stopping_ = false;
  std::thread thread_;
};

} // namespace keyfold
