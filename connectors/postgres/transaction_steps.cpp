#include "connectors/postgres/transaction_steps.hpp"

#include <utility>

namespace keyfold::postgres {

std::optional<std::string> transaction_steps::row(const std::string& key,
                                                  const table_copy& before) {
  using kind = table_copy::step::kind;
  for (; looked_at_ < steps_.size(); ++looked_at_) {
    const auto& x = steps_[looked_at_];
    if (x.is == kind::clear) {
      last_.clear();
      cleared_ = true;
    } else {
      last_[x.key] = looked_at_;
    }
  }
  if (auto found = last_.find(key); found != last_.end()) {
    const auto& x = steps_[found->second];
    return x.is == kind::put ? std::optional{x.row} : std::nullopt;
  }
  return cleared_ ? std::nullopt : before.row(key);
}

std::vector<table_copy::step> transaction_steps::take() {
  last_.clear();
  looked_at_ = 0;
  cleared_ = false;
  bytes_ = 0;
  return std::exchange(steps_, {});
}

} // namespace keyfold::postgres
