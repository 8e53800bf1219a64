#pragma once

#include <caf/actor.hpp>
#include <caf/actor_config.hpp>
#include <caf/execution_unit.hpp>
#include <caf/intrusive/lifo_inbox.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/make_actor.hpp>
#include <caf/monitorable_actor.hpp>
#include <caf/resumable.hpp>

namespace keyfold {

class lean_actor;

/// A message between lean actors: carries what to do as a virtual function instead of a matched
/// tuple. Anybody else who receives one sees an opaque value.
class lean_message : public caf::mailbox_element {
public:
  lean_message() : caf::mailbox_element(nullptr, caf::message_id{identity}, {}) {}

  /// Runs in the receiver's turn.
  /// @param self this message; to forward or keep it, move from it
  virtual void deliver(lean_actor& receiver, caf::mailbox_element_ptr& self,
                       caf::execution_unit* unit) = 0;

  caf::type_erased_tuple& content() final;
  const caf::type_erased_tuple& content() const final;
  caf::message move_content_to_message() final;
  caf::message copy_content_to_message() const final;

  /// The message id that marks a lean message. Category "normal"; no request counts up to it.
  static constexpr uint64_t identity = 0x1fffffff'6b657966;
};

/// An actor with the smallest mailbox CAF can be given: addressable, monitorable, scheduled like
/// any other, at a fifth of the memory of `event_based_actor` (ARCHITECTURE.md, "Lean actors").
///
/// Messages are handled one at a time, in the order in which each sender sent them.
class lean_actor : public caf::monitorable_actor, public caf::resumable {
public:
  explicit lean_actor(caf::actor_config& config);
  ~lean_actor() override;

  void enqueue(caf::mailbox_element_ptr what, caf::execution_unit* unit) final;
  caf::resumable::subtype_t subtype() const final { return scheduled_actor; }
  caf::resumable::resume_result resume(caf::execution_unit* unit, size_t max_throughput) final;
  void intrusive_ptr_add_ref_impl() final;
  void intrusive_ptr_release_impl() final;
  void on_destroy() override;

  /// Sends `message` to this actor. Thread-safe.
  /// @param unit of the caller, if it is one: an idle actor is then run by it
  void post(lean_message* message, caf::execution_unit* unit) {
    enqueue(caf::mailbox_element_ptr{message}, unit);
  }

  /// As `post`, for a caller that runs the actor itself: returns whether it must call `resume` for
  /// the message to be seen. The caller keeps the actor alive until that call returns.
  [[nodiscard]] bool push(lean_message* message) noexcept {
    return inbox_.push_front(message) == caf::intrusive::inbox_result::unblocked_reader;
  }

private:
  struct inbox_policy {
    using mapped_type = caf::mailbox_element;
    using unique_pointer = caf::mailbox_element_ptr;
  };

  bool fetch();
  void handle(caf::mailbox_element_ptr element, caf::execution_unit* unit);

  caf::intrusive::lifo_inbox<inbox_policy> inbox_;
  caf::mailbox_element* fetched_ = nullptr; // taken from the inbox, oldest first, not handled
};

inline void intrusive_ptr_add_ref(lean_actor* x) {
  x->intrusive_ptr_add_ref_impl();
}
inline void intrusive_ptr_release(lean_actor* x) {
  x->intrusive_ptr_release_impl();
}

/// Makes a lean actor in `system` and returns the reference that owns it.
template <class T, class... Ts>
caf::intrusive_ptr<T> make_lean_actor(caf::actor_system& system, Ts&&... xs);

} // namespace keyfold

#include <caf/actor_system.hpp>

namespace keyfold {

template <class T, class... Ts>
caf::intrusive_ptr<T> make_lean_actor(caf::actor_system& system, Ts&&... xs) {
  caf::actor_config config;
  auto handle = caf::make_actor<T, caf::actor>(system.next_actor_id(), system.node(), &system,
                                               config, std::forward<Ts>(xs)...);
  return caf::intrusive_ptr<T>{static_cast<T*>(caf::actor_cast<caf::abstract_actor*>(handle))};
}

} // namespace keyfold
