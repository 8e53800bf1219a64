#pragma once

#include "store/ledger.hpp"

#include <string>

namespace keyfold::store {

/// Holds `<path>.lock`: one process owns a ledger. The file stays, the lock goes with the process
/// however it ends. Movable, not thread-safe.
class file_lock {
public:
  file_lock() = default;
  file_lock(file_lock&& x) noexcept : descriptor_(x.descriptor_) { x.descriptor_ = -1; }
  file_lock& operator=(file_lock&& x) noexcept {
    std::swap(descriptor_, x.descriptor_);
    return *this;
  }
  ~file_lock();

  /// Takes the lock of the ledger at `path`, or says which process has it.
  static ledger_result<file_lock> take(const std::string& path);

private:
  int descriptor_ = -1;
};

} // namespace keyfold::store
