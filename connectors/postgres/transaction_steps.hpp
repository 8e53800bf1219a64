#pragma once

#include "connectors/postgres/table_copy.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace keyfold::postgres {

/// What a transaction under way does to the rows, before readers see it. Pure.
class transaction_steps {
public:
  /// Changes of one transaction, and bytes of their rows, that are held before they are applied,
  /// though it has not ended.
  static constexpr size_t most_steps = 100'000;
  static constexpr size_t most_bytes = 64u << 20;

  void push(table_copy::step&& x) {
    bytes_ += table_copy::size_of(x.key, x.row);
    steps_.push_back(std::move(x));
  }
  size_t size() const noexcept { return steps_.size(); }
  /// No more should be held.
  bool full() const noexcept { return steps_.size() >= most_steps || bytes_ >= most_bytes; }

  /// The row under the key, as the steps leave it, upon the rows of `before`; nothing where there
  /// is none. Takes constant time per step, over all calls.
  std::optional<std::string> row(const std::string& key, const table_copy& before);

  /// Gives the steps, and has none from then on.
  std::vector<table_copy::step> take();

private:
  std::vector<table_copy::step> steps_;
  size_t bytes_ = 0;
  std::unordered_map<std::string, size_t> last_; ///< per key the last of those that were looked at
  size_t looked_at_ = 0;
  bool cleared_ = false; ///< by one of them
};

} // namespace keyfold::postgres
