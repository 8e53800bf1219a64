#pragma once

#include "connectors/common/letter_box.hpp"
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
/// asked: they become dead letters, and everything else goes on. For one thread but for
/// `interrupt`.
///
/// An output collects them while it writes an epoch, and settles them before it commits there: a
/// crash at any moment leaves no row out without its letter.
class rejected_rows {
public:
  /// @param output its name
  rejected_rows(std::string output, const std::vector<change_columns>& columns,
                std::shared_ptr<dead_letter_queue> letters, metrics_registry& metrics);

  /// @param reason what the other side says about it, a sentence
  void add(uint64_t epoch, const change& row, std::string_view reason);
  /// All that were added become dead letters; waits until these are in the ledger. An error:
  /// interrupted.
  result<void> settle();
  void forget() noexcept { letters_.clear(); }
  size_t size() const noexcept { return letters_.held(); }
  /// Ends the waiting, now and later.
  void interrupt() noexcept { letters_.interrupt(); }

private:
  std::string output_;
  std::vector<std::string> rows_of_; ///< the view or stream, by `change::source`
  change_lines lines_;
  letter_box letters_;
  prometheus::Counter& rejected_;
};

} // namespace keyfold
