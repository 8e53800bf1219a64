#include "actors/key_loader.hpp"

namespace keyfold {

key_loader::key_loader(store::ledger& ledger, metrics_registry& metrics,
                       std::function<void(std::string)> failed)
    : ledger_(ledger), failed_(std::move(failed)),
      loads_(make_counter(metrics, "keyfold_key_loads_total",
                          "Keys looked up in the ledger after they had left memory.")),
      missing_(make_counter(metrics, "keyfold_key_load_misses_total",
                            "Keys looked up in the ledger that it does not have.")),
      thread_([this] { loop(); }) {}

key_loader::~key_loader() {
  {
    std::lock_guard guard{mutex_};
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void key_loader::load(uint32_t entity, std::vector<std::string> keys,
                      std::function<void(states)> done) {
  {
    std::lock_guard guard{mutex_};
    requests_.push_back({entity, std::move(keys), std::move(done)});
  }
  changed_.notify_all();
}

void key_loader::loop() {
  for (;;) {
    request next;
    {
      std::unique_lock guard{mutex_};
      changed_.wait(guard, [this] { return stopping_ || !requests_.empty(); });
      if (requests_.empty())
        return; // stopping, and nobody waits for an answer any more
      next = std::move(requests_.front());
      requests_.pop_front();
    }
    answer(next);
  }
}

void key_loader::answer(const request& x) {
  states found;
  found.reserve(x.keys.size());
  for (const auto& key : x.keys) {
    auto state = ledger_.load(x.entity, key);
    loads_.Increment();
    if (!state) {
      // Without its state the key would begin anew: no answer is better than a wrong one.
      failed_(state.error().message);
      return;
    }
    if (!*state)
      missing_.Increment();
    found.push_back(std::move(*state));
  }
  x.done(std::move(found));
}

} // namespace keyfold
