#pragma once

#include "connectors/file/csv_table_load.hpp"
#include "connectors/file/file_watch.hpp"
#include "messages/dead_letter_queue.hpp"
#include "messages/table_source.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace keyfold {

/// Keeps a table as a CSV file says. The file may be replaced by a rename or written in place: it
/// is loaded when it has been still for `csv_table_settings::settle`, and what was read is thrown
/// away if it changed meanwhile. A file that is refused as a whole leaves the rows as they are, and
/// is not read again before it changes.
class csv_table_source final : public table_source {
public:
  /// How long `load` waits for a file that is being written.
  static constexpr std::chrono::seconds most_writing{30};

  /// @param letters where bad rows go
  csv_table_source(csv_table_settings settings, std::shared_ptr<metrics_registry> metrics,
                   std::shared_ptr<dead_letter_queue> letters);
  ~csv_table_source() override;

  result<void> load() override;
  void start() override;
  void stop() override;

private:
  using clock = std::chrono::steady_clock;
  enum class attempt : uint8_t { loaded, refused, changing };

  void follow();
  bool settled();
  attempt try_load(std::string& why);
  attempt refuse(load_failure reason, std::string sentence, std::string& why);
  void publish(loaded_csv made);
  bool hand_over_letters();

  csv_table_settings settings_;
  std::shared_ptr<metrics_registry> registry_;
  std::shared_ptr<dead_letter_queue> queue_;
  table_metrics metrics_;
  file_watch watch_;
  std::vector<dead_letter> letters_; // not yet in the queue
  bool letters_waited_ = false;
  file_state tried_;        // what was loaded or refused last
  file_state seen_;         // what was there at the last look
  clock::time_point since_; // it has been so
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

} // namespace keyfold
