#include "features/entity_state.hpp"

#include <algorithm>
#include <xxhash.h>

namespace keyfold {

namespace {

/// The array behind a key with several views.
struct state_array {
  size_t size;
  std::unique_ptr<view_state> states[1]; // `size` of them
};

state_array* make_array(size_t size) {
  auto* memory =
      ::operator new(sizeof(state_array) + (size - 1) * sizeof(std::unique_ptr<view_state>));
  auto* array = static_cast<state_array*>(memory);
  array->size = size;
  std::uninitialized_default_construct_n(&array->states[0], size);
  return array;
}

fold_context context_of(const fold_environment& environment, size_t view) {
  fold_context context;
  context.watermark = environment.watermarks[view];
  context.changes = environment.changes[view];
  context.emissions = environment.emissions[view];
  context.counts = &environment.counts[view];
  context.scratch = environment.scratch;
  return context;
}

} // namespace

entity_layout::entity_layout(std::shared_ptr<const entity_definition> definition)
    : definition_(std::move(definition)) {
  for (const auto& view : definition_->views) {
    auto text = view->name() + '\n' + view->fingerprint();
    identities_.push_back(XXH3_64bits(text.data(), text.size()));
  }
}

const view_state* entity_state::at(size_t view) const noexcept {
  if (bits_ == 0)
    return nullptr;
  if ((bits_ & several) == 0)
    return static_cast<const view_state*>(untagged());
  return static_cast<const state_array*>(untagged())->states[view].get();
}

void entity_state::put(const entity_layout& layout, size_t view,
                       std::unique_ptr<view_state> state) {
  if (layout.view_count() == 1) {
    bits_ = reinterpret_cast<uintptr_t>(state.release());
    return;
  }
  if (bits_ == 0)
    bits_ = reinterpret_cast<uintptr_t>(make_array(layout.view_count())) | several;
  static_cast<state_array*>(untagged())->states[view] = std::move(state);
}

view_state& entity_state::need(const entity_layout& layout, size_t view) {
  if (at(view) == nullptr)
    put(layout, view, layout.definition().views[view]->make_state());
  return const_cast<view_state&>(*at(view));
}

void entity_state::clear() noexcept {
  if ((bits_ & several) == 0) {
    delete static_cast<view_state*>(untagged());
  } else {
    auto* array = static_cast<state_array*>(untagged());
    std::destroy_n(&array->states[0], array->size);
    ::operator delete(array);
  }
  bits_ = 0;
}

event_time entity_state::fold(const entity_layout& layout, uint32_t input, const event_batch& batch,
                              std::span<const uint32_t> rows, const fold_environment& environment) {
  auto wake_at = end_of_time;
  for (const auto& target : layout.definition().inputs[input].views) {
    environment.scratch->clear();
    auto context = context_of(environment, target.view);
    layout.definition().views[target.view]->fold(need(layout, target.view), target.input, batch,
                                                 rows, context);
    wake_at = std::min(wake_at, context.wake_at);
  }
  return wake_at;
}

event_time entity_state::advance(const entity_layout& layout, const fold_environment& environment) {
  auto wake_at = end_of_time;
  for (size_t view = 0; view < layout.view_count(); ++view) {
    if (at(view) == nullptr)
      continue;
    environment.scratch->clear();
    auto context = context_of(environment, view);
    layout.definition().views[view]->advance(need(layout, view), context);
    wake_at = std::min(wake_at, context.wake_at);
  }
  return wake_at;
}

void entity_state::read(const entity_layout& layout, event_time as_of,
                        std::span<const feature_ref> wanted, std::span<feature_value> out,
                        arena& memory) const {
  constexpr size_t most = 64; // features of a view read in one call
  uint32_t numbers[most];
  for (size_t begin = 0; begin < wanted.size();) {
    auto view = wanted[begin].view;
    auto end = begin;
    for (; end < wanted.size() && wanted[end].view == view && end - begin < most; ++end)
      numbers[end - begin] = wanted[end].feature;
    auto values = out.subspan(begin, end - begin);
    if (const auto* state = at(view))
      layout.definition().views[view]->read(*state, as_of, {numbers, end - begin}, values, memory);
    else
      std::fill(values.begin(), values.end(), feature_value{});
    begin = end;
  }
}

void entity_state::read_all(const entity_layout& layout, uint32_t view, event_time as_of,
                            arena& memory, feature_sink& sink) const {
  if (const auto* state = at(view))
    layout.definition().views[view]->read_all(*state, as_of, memory, sink);
}

void entity_state::collect_changes(const entity_layout& layout,
                                   std::span<const event_time> watermarks,
                                   std::span<change_sink* const> sinks) {
  for (size_t view = 0; view < layout.view_count(); ++view)
    if (sinks[view] != nullptr && at(view) != nullptr)
      layout.definition().views[view]->collect_changes(need(layout, view), watermarks[view],
                                                       *sinks[view]);
}

void entity_state::encode(const entity_layout& layout, std::string& out) const {
  byte_writer writer{out};
  std::string size;
  for (size_t view = 0; view < layout.view_count(); ++view) {
    const auto* state = at(view);
    const auto& definition = *layout.definition().views[view];
    if (state == nullptr || definition.empty(*state))
      continue;
    writer.u64(layout.view_identity(view));
    auto begin = out.size();
    definition.encode(*state, writer);
    size.clear();
    byte_writer{size}.varint(out.size() - begin);
    out.insert(begin, size);
  }
}

bool entity_state::decode(const entity_layout& layout, std::string_view bytes,
                          const fold_environment& environment, event_time& wake_at) {
  clear();
  wake_at = end_of_time;
  byte_reader reader{bytes};
  while (reader.good() && !reader.at_end()) {
    auto identity = reader.u64();
    byte_reader state_reader{reader.text()};
    for (size_t view = 0; reader.good() && view < layout.view_count(); ++view) {
      if (layout.view_identity(view) != identity)
        continue;
      environment.scratch->clear();
      auto context = context_of(environment, view);
      auto state = layout.definition().views[view]->decode(state_reader, context);
      if (state == nullptr) {
        clear();
        return false;
      }
      put(layout, view, std::move(state));
      wake_at = std::min(wake_at, context.wake_at);
    }
  }
  if (!reader.good())
    clear();
  return reader.good();
}

void entity_state::prefetch_parts(const entity_layout& layout) const noexcept {
  constexpr size_t few = 4; // more would push one another out
  for (size_t view = 0; view < std::min(few, layout.view_count()); ++view)
    if (const auto* state = at(view))
      layout.definition().views[view]->prefetch(*state);
}

bool entity_state::empty(const entity_layout& layout) const noexcept {
  for (size_t view = 0; view < layout.view_count(); ++view)
    if (const auto* state = at(view);
        state != nullptr && !layout.definition().views[view]->empty(*state))
      return false;
  return true;
}

size_t entity_state::memory(const entity_layout& layout) const noexcept {
  size_t sum =
      (bits_ & several) != 0 ? sizeof(state_array) + (layout.view_count() - 1) * sizeof(void*) : 0;
  for (size_t view = 0; view < layout.view_count(); ++view)
    if (const auto* state = at(view))
      sum += layout.definition().views[view]->memory(*state);
  return sum;
}

} // namespace keyfold
