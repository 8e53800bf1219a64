#pragma once

#include "features/table.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace keyfold {

/// A table in another system, which can be away.
class remote_table final : public lookup_table {
public:
  explicit remote_table(std::shared_ptr<table> behind) : behind_(std::move(behind)) {}

  const std::string& name() const noexcept override { return behind_->name(); }
  const std::vector<column>& columns() const noexcept override { return behind_->columns(); }
  const std::vector<uint32_t>& key() const noexcept override { return behind_->key(); }
  bool waits() const noexcept override { return true; }
  bool look_up(const lookup_request& x) override { return !away.load() && behind_->look_up(x); }
  std::string problem() const override { return away.load() ? "the database is away" : ""; }

  std::atomic<bool> away{true};

private:
  std::shared_ptr<table> behind_;
};

} // namespace keyfold
