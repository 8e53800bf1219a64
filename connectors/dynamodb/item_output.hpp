#pragma once

#include "connectors/common/letter_box.hpp"
#include "connectors/dynamodb/dynamodb_output.hpp"
#include "connectors/dynamodb/row_sender.hpp"
#include "connectors/dynamodb/tables.hpp"

#include <atomic>
#include <mutex>
#include <unordered_map>

namespace keyfold::dynamodb {

/// See `make_dynamodb_output`.
class item_output final : public event_output {
public:
  item_output(output_settings settings, item_writer items,
              std::shared_ptr<prometheus::Registry> registry,
              std::shared_ptr<dead_letter_queue> letters);

  result<uint64_t> open() override;
  result<void> publish(uint64_t epoch, std::string_view log) override;
  bool fatal() const override { return fatal_; }
  component_status status() const override;
  void interrupt() noexcept override;

private:
  /// 128 bits: two keys of an epoch do not have the same one.
  struct key_hash {
    uint64_t low = 0;
    uint64_t high = 0;
    friend bool operator==(const key_hash&, const key_hash&) = default;
  };
  struct low_half {
    size_t operator()(const key_hash& x) const noexcept { return x.low; }
  };
  /// Of a key: the number of the newest change that has it.
  using newest_changes = std::unordered_map<key_hash, uint64_t, low_half>;

  static key_hash hash_of(std::string_view key) noexcept;

  /// Sets what `status` and `fatal` say.
  tl::unexpected<error> trouble(const error& what);
  tl::unexpected<error> permanent(std::string sentence);
  result<newest_changes> find_newest(std::string_view log);
  result<void> send_all(uint64_t epoch, std::string_view log, const newest_changes& newest);
  result<void> send(uint64_t epoch, const change& x);
  void refuse(uint64_t epoch, std::string row, const std::string& why);
  result<void> hand_over_letters(uint64_t epoch);
  result<void> check_tables();
  result<void> mark(uint64_t epoch);

  output_settings settings_;
  item_writer items_;
  std::string name_; ///< of the table, quoted for JSON
  std::string condition_;
  output_metrics metrics_;
  letter_box letters_;
  service service_;
  tables tables_;
  row_sender rows_;
  bool fatal_ = false;
  std::atomic<bool> interrupted_ = false;
  mutable std::mutex status_mutex_;
  component_status status_;
};

} // namespace keyfold::dynamodb
