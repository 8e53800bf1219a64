#pragma once

#include "features/cell.hpp"
#include "http/catalog_index.hpp"

#include <simdjson.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold::http {

/// Why a request for online features cannot be answered.
struct online_fault {
  unsigned status = 422;
  std::string_view error_class = "FeastError"; ///< of `feast.errors`; empty: the body is malformed
  std::string where;                           ///< of a malformed body
  std::string message;
};

/// A request for the features of many keys, as Feast's SDK sends it, resolved against the
/// catalogue.
struct online_request {
  /// A requested feature: column `column` of the answers of part `part`, or one of the open
  /// features of view `view`.
  struct feature {
    uint32_t part;
    uint32_t column; ///< of a computed one: the first of its sources'
    std::optional<uint32_t> open_view;
    std::string name; ///< without the view
    std::string shown;
    const on_demand_view* computed_by = nullptr;
    uint32_t number = 0; ///< of a computed one: in `computed_by`
  };
  /// The reads of one entity.
  struct part {
    const entity_index* entity;
    std::vector<feature_ref> wanted;
    bool with_open = false;
    std::vector<std::string> keys; ///< canonical texts, one per row
  };
  /// A join key as the answer repeats it: its typed values are in `memory`.
  struct join_key {
    std::string name;
    std::vector<cell> values;
  };

  std::vector<feature> features; ///< in the order of the request
  std::vector<part> parts;
  std::vector<join_key> join_keys;
  std::vector<join_key> parameters; ///< of computed features
  std::vector<std::string> views;   ///< named by the request, for the version metadata
  size_t rows = 0;
  bool full_names = false;
  bool version_metadata = false;
  arena memory;

  /// What the request gives of a computed feature's parameters in a row; null where it gives
  /// nothing.
  std::vector<cell> given(const on_demand_view& to, size_t row) const;
};

/// Resolves a parsed body. Every element is looked at before use; nothing of the document is kept.
/// @param max_keys bound on rows × entities
tl::expected<online_request, online_fault>
resolve_online_request(simdjson::dom::element element, const catalog_index& index, size_t max_keys);

} // namespace keyfold::http
