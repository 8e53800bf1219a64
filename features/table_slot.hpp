#pragma once

#include "features/lookup_table.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace keyfold {

/// A table as a definition declares it, in front of the one that the program puts there: those that
/// read it are compiled before anything is connected.
class table_slot final : public lookup_table {
public:
  table_slot(std::string name, std::vector<column> columns, std::vector<uint32_t> key, bool waits)
      : name_(std::move(name)), columns_(std::move(columns)), key_(std::move(key)), waits_(waits) {}

  const std::string& name() const noexcept override { return name_; }
  const std::vector<column>& columns() const noexcept override { return columns_; }
  const std::vector<uint32_t>& key() const noexcept override { return key_; }
  bool waits() const noexcept override { return waits_; }
  bool look_up(const lookup_request& x) override { return behind_ && behind_->look_up(x); }
  std::string problem() const override {
    return behind_ ? behind_->problem() : "the table `" + name_ + "` is not there yet";
  }

  /// Once, before anybody looks up.
  void put(std::shared_ptr<lookup_table> behind) noexcept { behind_ = std::move(behind); }

private:
  std::string name_;
  std::vector<column> columns_;
  std::vector<uint32_t> key_;
  bool waits_;
  std::shared_ptr<lookup_table> behind_;
};

} // namespace keyfold
