#include "config/stages.hpp"

#include <algorithm>

namespace keyfold::config {

namespace {

/// A depth-first search; the order is that in which it leaves the numbers.
class sorter {
public:
  sorter(const std::vector<std::vector<uint32_t>>& before,
         const std::function<void(std::span<const uint32_t>)>& found_circle)
      : before_(before), found_circle_(found_circle), states_(before.size(), state::waiting) {}

  std::vector<uint32_t> sort() {
    for (uint32_t number = 0; number < before_.size(); ++number)
      visit(number);
    return std::move(order_);
  }

private:
  enum class state : uint8_t { waiting, under_way, done };

  void visit(uint32_t number) {
    if (states_[number] == state::done)
      return;
    path_.push_back(number);
    if (states_[number] == state::under_way) {
      found_circle_({std::find(path_.begin(), path_.end(), number), path_.end()});
    } else {
      states_[number] = state::under_way;
      for (auto earlier : before_[number])
        visit(earlier);
      states_[number] = state::done;
      order_.push_back(number);
    }
    path_.pop_back();
  }

  const std::vector<std::vector<uint32_t>>& before_;
  const std::function<void(std::span<const uint32_t>)>& found_circle_;
  std::vector<state> states_;
  std::vector<uint32_t> path_;
  std::vector<uint32_t> order_;
};

} // namespace

std::vector<uint32_t>
sort_by_stage(const std::vector<std::vector<uint32_t>>& before,
              const std::function<void(std::span<const uint32_t>)>& found_circle) {
  return sorter{before, found_circle}.sort();
}

} // namespace keyfold::config
