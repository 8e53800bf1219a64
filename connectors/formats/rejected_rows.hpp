#pragma once

#include "connectors/formats/change_lines.hpp"
#include "messages/dead_letter_queue.hpp"
#include "messages/metrics.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold {

/// The rows of an epoch that an output's other side does not take, and will not however often it is
/// asked: they become dead letters, and everything else goes on. For one thread.
///
/// An output collects them while it writes an epoch, hands them over before it commits there, and
/// forgets them where that fails: a row is never left out without its letter, and an epoch that is
/// written again may bring a letter again.
class rejected_rows {
public:
  /// @param output its name
  rejected_rows(std::string output, const std::vector<change_columns>& columns,
                std::shared_ptr<dead_letter_queue> letters, metrics_registry& metrics);

  /// @param reason what the other side says about it, a sentence
  void add(uint64_t epoch, const change& row, std::string_view reason);
  /// All that were added become dead letters of the next epoch. An error where as many wait already
  /// as may: to be tried again later, with the whole epoch.
  result<void> hand_over();
  void forget() noexcept { letters_.clear(); }
  size_t size() const noexcept { return letters_.size(); }

private:
  std::string output_;
  std::vector<std::string> rows_of_; ///< the view or stream, by `change::source`
  change_lines lines_;
  std::shared_ptr<dead_letter_queue> queue_;
  std::vector<dead_letter> letters_;
  prometheus::Counter& rejected_;
};

} // namespace keyfold
