#pragma once

#include "features/view.hpp"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace keyfold {

/// What features are about: named key fields, and the views kept per key. Immutable, shared by all
/// keys and threads.
struct entity_definition {
  /// A view that folds a stream, and which of its inputs the stream is.
  struct view_input {
    uint32_t view;
    uint32_t input;
  };
  /// A stream that reaches this entity, and where a row's key is.
  struct stream_input {
    std::string stream;
    std::vector<uint32_t> key_columns; ///< of the stream's rows, in the order of `key`
    std::vector<view_input> views;
  };

  std::string name;
  std::vector<column> key;
  std::vector<std::shared_ptr<const view>> views;
  std::vector<stream_input> inputs;
};

/// A feature by its place: the number of the view in its entity, the number of the feature in its
/// view.
struct feature_ref {
  uint32_t view;
  uint32_t feature;
};

} // namespace keyfold
