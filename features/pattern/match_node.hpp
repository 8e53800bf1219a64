#pragma once

#include "features/rows/buffered_row.hpp"

#include <cstdint>
#include <span>
#include <utility>

namespace keyfold::patterns {

/// What a key's matched rows take.
struct node_counts {
  uint32_t nodes = 0;
  uint64_t bytes = 0;
};

class node_ptr;

/// A row taken by a partial match, with the rows taken before it: partial matches that have begun
/// alike share their beginning. Immutable; counted by reference; of one key.
///
/// The first node of a row lies in the row's room, if that was left: most rows are taken once.
class match_node {
public:
  /// Bytes of a node with so many running values.
  static size_t size(size_t running) noexcept {
    return sizeof(match_node) + running * sizeof(cell);
  }
  /// @param running what `term_set::accumulate` made of `previous` and the row
  static node_ptr make(node_ptr previous, row_ptr row, uint16_t variable,
                       std::span<const cell> running, node_counts& counts);

  const match_node* previous() const noexcept { return previous_; }
  const buffered_row& row() const noexcept { return *row_; }
  /// That took the row.
  uint16_t variable() const noexcept { return variable_; }
  std::span<const cell> running() const noexcept {
    return {reinterpret_cast<const cell*>(this + 1), width_};
  }
  /// The number of the row among those of the key.
  uint64_t sequence() const noexcept { return row_->mark; }

private:
  friend class node_ptr;
  match_node(const match_node* previous, row_ptr row, uint16_t variable, uint16_t width,
             uint32_t bytes, node_counts& counts) noexcept
      : previous_(previous), row_(std::move(row)), counts_(&counts), bytes_(bytes),
        variable_(variable), width_(width) {}
  static void release(const match_node* node) noexcept;

  const match_node* previous_; // a reference counted
  row_ptr row_;
  node_counts* counts_;
  mutable uint32_t references_ = 0;
  uint32_t bytes_; // with the row's, where this is the row's first node
  uint16_t variable_;
  uint16_t width_;
};

/// Shares a `match_node`; may be null.
class node_ptr {
public:
  node_ptr() noexcept = default;
  explicit node_ptr(const match_node* node) noexcept : node_(node) { take(); }
  node_ptr(const node_ptr& other) noexcept : node_(other.node_) { take(); }
  node_ptr(node_ptr&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  node_ptr& operator=(node_ptr other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~node_ptr() {
    if (node_ != nullptr && --node_->references_ == 0)
      match_node::release(node_);
  }

  const match_node* get() const noexcept { return node_; }
  const match_node* operator->() const noexcept { return node_; }
  explicit operator bool() const noexcept { return node_ != nullptr; }

private:
  friend class match_node;
  void take() const noexcept {
    if (node_ != nullptr)
      ++node_->references_;
  }
  /// Gives the reference away.
  const match_node* give() noexcept { return std::exchange(node_, nullptr); }

  const match_node* node_ = nullptr;
};

} // namespace keyfold::patterns
