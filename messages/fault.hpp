#pragma once

#include <cstdint>
#include <functional>

namespace keyfold {

/// A moment at which a crash must lose and double nothing; the tests crash there.
enum class fault_point : uint8_t {
  after_ledger_commit, ///< the epoch is in the ledger, its outbox is not published
  after_output_commit, ///< an output holds the epoch, the ledger does not know yet
};

/// Called at each fault point with the epoch; null in production.
using fault_hook = std::function<void(fault_point, uint64_t epoch)>;

} // namespace keyfold
