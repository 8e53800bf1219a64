#include "actors/lean_actor.hpp"

#include <caf/actor_system.hpp>
#include <caf/exit_reason.hpp>
#include <caf/message.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

namespace keyfold {

namespace {

caf::mailbox_element& opaque() {
  static caf::mailbox_element_vals<caf::unit_t> value{nullptr, caf::message_id{}, {}, caf::unit};
  return value;
}

} // namespace

caf::type_erased_tuple& lean_message::content() {
  return opaque().content();
}

const caf::type_erased_tuple& lean_message::content() const {
  return opaque().content();
}

caf::message lean_message::move_content_to_message() {
  return caf::make_message(caf::unit);
}

caf::message lean_message::copy_content_to_message() const {
  return caf::make_message(caf::unit);
}

lean_actor::lean_actor(caf::actor_config& config) : caf::monitorable_actor(config) {
  inbox_.try_block(); // idle from the beginning: the first message schedules it
}

lean_actor::~lean_actor() {
  while (fetched_ != nullptr) {
    auto* next = static_cast<caf::mailbox_element*>(fetched_->next);
    caf::mailbox_element_ptr{fetched_}.reset();
    fetched_ = next;
  }
}

void lean_actor::enqueue(caf::mailbox_element_ptr what, caf::execution_unit* unit) {
  if (inbox_.push_front(what.release()) != caf::intrusive::inbox_result::unblocked_reader)
    return;
  intrusive_ptr_add_ref_impl(); // the scheduler's, given back when the actor waits again
  if (unit != nullptr)
    unit->exec_later(this);
  else
    home_system().scheduler().enqueue(this);
}

bool lean_actor::fetch() {
  auto* newest_first = inbox_.take_head();
  while (newest_first != nullptr) {
    auto* next = static_cast<caf::mailbox_element*>(newest_first->next);
    newest_first->next = fetched_;
    fetched_ = newest_first;
    newest_first = next;
  }
  return fetched_ != nullptr;
}

caf::resumable::resume_result lean_actor::resume(caf::execution_unit* unit, size_t max_throughput) {
  for (size_t handled = 0;; ++handled) {
    while (fetched_ == nullptr && !fetch())
      if (inbox_.try_block())
        return awaiting_message;
    if (handled == max_throughput)
      return resume_later;
    caf::mailbox_element_ptr element{fetched_};
    fetched_ = static_cast<caf::mailbox_element*>(element->next);
    element->next = nullptr;
    handle(std::move(element), unit);
  }
}

void lean_actor::handle(caf::mailbox_element_ptr element, caf::execution_unit* unit) {
  if (element->mid.integer_value() == lean_message::identity)
    static_cast<lean_message*>(element.get())->deliver(*this, element, unit);
  else if (!handle_system_message(*element, unit, true))
    bounce(element, caf::make_error(caf::sec::unexpected_message));
}

void lean_actor::intrusive_ptr_add_ref_impl() {
  intrusive_ptr_add_ref(ctrl());
}

void lean_actor::intrusive_ptr_release_impl() {
  intrusive_ptr_release(ctrl());
}

void lean_actor::on_destroy() {
  if (!getf(is_cleaned_up_flag))
    cleanup(caf::exit_reason::unreachable, nullptr);
  caf::monitorable_actor::on_destroy();
}

} // namespace keyfold
