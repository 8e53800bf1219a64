#include "features/pattern/match_node.hpp"

#include <algorithm>
#include <new>

namespace keyfold::patterns {

node_ptr match_node::make(node_ptr previous, row_ptr row, uint16_t variable,
                          std::span<const cell> running, node_counts& counts) {
  auto size = match_node::size(running.size());
  // Nobody else holds the row but who hands it out: it was not counted yet, and its room is free.
  auto first = !row->shared();
  auto bytes = size + (first ? row->memory() : 0);
  auto room = row->room();
  auto* place = first && room.size() >= size ? room.data() : ::operator new(size);
  auto* node = new (place) match_node{previous.give(),
                                      std::move(row),
                                      variable,
                                      static_cast<uint16_t>(running.size()),
                                      static_cast<uint32_t>(bytes),
                                      counts};
  std::copy(running.begin(), running.end(), reinterpret_cast<cell*>(node + 1));
  ++counts.nodes;
  counts.bytes += bytes;
  return node_ptr{node};
}

/// Step by step: a chain may be longer than the stack is deep.
void match_node::release(const match_node* node) noexcept {
  while (node != nullptr) {
    const auto* previous = node->previous_;
    --node->counts_->nodes;
    node->counts_->bytes -= node->bytes_;
    auto* place = const_cast<match_node*>(node);
    auto row = std::move(place->row_); // its memory may be the node's
    place->~match_node();
    if (static_cast<void*>(place) != row->room().data())
      ::operator delete(place);
    if (previous == nullptr || --previous->references_ != 0)
      return;
    node = previous;
  }
}

} // namespace keyfold::patterns
