#include "connectors/http_push/push_hub.hpp"

#include <utility>

namespace keyfold {

namespace {

/// The stream's side that is polled.
class push_source final : public event_source {
public:
  explicit push_source(std::shared_ptr<push_queue> queue) : queue_(std::move(queue)) {}

  result<void> start(const source_positions& positions) override {
    auto known = positions.find(queue_->partition());
    queue_->start(known == positions.end() ? partition_progress{} : known->second);
    return {};
  }
  result<source_poll> poll(size_t, std::chrono::milliseconds timeout) override {
    return queue_->poll(timeout);
  }
  std::vector<std::string> partitions() const override { return {queue_->partition()}; }
  void committed(uint64_t, const source_positions& positions) override {
    if (auto own = positions.find(queue_->partition()); own != positions.end())
      queue_->committed(own->second.next);
  }
  component_status status() const override { return {}; }
  void interrupt() noexcept override { queue_->interrupt(); }
  void stop() override { queue_->stop(); }

private:
  std::shared_ptr<push_queue> queue_;
};

} // namespace

std::unique_ptr<event_source> push_hub::add_stream(push_stream_settings settings) {
  auto queue = std::make_shared<push_queue>(std::move(settings));
  queues_[queue->stream()] = queue;
  return std::make_unique<push_source>(std::move(queue));
}

void push_hub::push(std::string_view stream, std::vector<std::string> rows, bool durable,
                    std::function<void(push_outcome)> done) {
  auto found = queues_.find(stream);
  if (found == queues_.end()) {
    push_outcome outcome;
    outcome.what = push_outcome::kind::unknown_stream;
    return done(std::move(outcome));
  }
  found->second->push(std::move(rows), durable, std::move(done));
}

std::vector<std::string> push_hub::streams() const {
  std::vector<std::string> names;
  for (auto& [name, queue] : queues_)
    names.push_back(name);
  return names;
}

} // namespace keyfold
