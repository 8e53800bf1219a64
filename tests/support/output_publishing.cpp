#include "output_publishing.hpp"

#include <array>
#include <stdexcept>
#include <utility>

namespace keyfold::testing {

output_publishing::output_publishing(result<std::unique_ptr<event_output>> output,
                                     std::shared_ptr<metrics_registry> metrics)
    : registry_(std::move(metrics)) {
  if (!output)
    throw std::runtime_error{output.error().message};
  target_ = std::move(*output);
}

uint64_t output_publishing::open() {
  auto opened = target_->open();
  if (!opened)
    throw std::runtime_error{opened.error().message};
  return *opened;
}

void output_publishing::append(const change& x) {
  change_log_writer{log_}.append(x);
}

void output_publishing::erase(const std::string& user) {
  std::array key{cell::string(user)};
  append({0, true, beginning_of_time, key, {}});
}

std::string output_publishing::take() {
  return std::exchange(log_, {});
}

std::string output_publishing::publish(uint64_t epoch) {
  auto done = target_->publish(epoch, take());
  return done ? "" : done.error().message;
}

} // namespace keyfold::testing
