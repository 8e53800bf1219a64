#pragma once

#include "actors/router.hpp"

#include <utility>

namespace keyfold {

/// A message to a router that runs a function in its turn.
template <class F>
class router::task final : public lean_message {
public:
  explicit task(F f) : f_(std::move(f)) {}
  void deliver(lean_actor& receiver, caf::mailbox_element_ptr&, caf::execution_unit*) override {
    f_(static_cast<router&>(receiver));
  }

private:
  F f_;
};

template <class F>
void router::post_task(F f) {
  post(new task<F>(std::move(f)), nullptr);
}

} // namespace keyfold
