#include "features/pattern/match_node.hpp"

#include <algorithm>
#include <new>

namespace keyfold::patterns {

node_ptr match_node::make(node_ptr previous, row_ptr row, uint16_t variable,
                          std::span<const cell> running, node_counts& counts) {
  auto size = sizeof(match_node) + running.size() * sizeof(cell);
  // Nobody else holds the row but who hands it out: it was not counted yet.
  auto bytes = size + (row->shared() ? 0 : row->memory());
  auto* node = new (::operator new(size)) match_node{previous.give(),
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
    node->~match_node();
    ::operator delete(const_cast<match_node*>(node));
    if (previous == nullptr || --previous->references_ != 0)
      return;
    node = previous;
  }
}

} // namespace keyfold::patterns
