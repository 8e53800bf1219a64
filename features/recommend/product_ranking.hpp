#pragma once

#include "features/expression.hpp"
#include "features/prefetch.hpp"
#include "features/table.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace keyfold {

/// How the products of a table are divided and ordered.
struct ranking_rules {
  enum class order : uint8_t { number, text };

  uint32_t product = 0; ///< the column of the table that identifies a product
  uint32_t category = 0;
  uint32_t rating = 0;
  order by = order::number;            ///< `text`: ratings are compared as they are written
  std::optional<expression> available; ///< over the columns; products for which it does not hold
                                       ///< are never suggested
};

/// The products of a snapshot, by category and in the order of their rating: what suggestions are
/// taken from without looking at a whole category. The better rating comes first, products without
/// one last; of equal ones the lesser product id. Products are named by `distinct_hash` of their
/// id: two of a table with one hash, which no table will ever have, would be taken for each other.
/// Immutable, shared by threads. 58 to 92 bytes a product.
class product_ranking final : public table_index {
public:
  static constexpr uint32_t unavailable = 0xffff'ffff;

  /// Where a product is.
  struct place {
    uint32_t category;
    uint32_t rank; ///< in the category, from 0; or `unavailable`
  };
  /// Products that may be suggested, best first. Who passes over those that a key was shown looks
  /// at hashes only.
  struct ranked {
    std::span<const uint64_t> products;
    const cell* ids; ///< of the same products; their texts live as long as the snapshot
  };

  product_ranking(const table_snapshot& products, const ranking_rules& rules);

  /// Null for products that the table has not, or that have no category.
  const place* find(uint64_t product) const noexcept;
  /// Asks the processor to load what `find` will look at.
  void prefetch(uint64_t product) const noexcept {
    prefetch_line(slots_.data() + (product & mask_));
  }
  /// Whether the product may be one of the category that may be suggested. Says yes of some that
  /// are not, but looks at 2 to 4 bytes a product: where many are asked about, `find` waits for
  /// memory each time.
  bool may_have(uint64_t product, uint32_t category) const noexcept {
    auto bit = bit_of(product, category);
    return (suggestible_[bit / 64] >> bit % 64 & 1) != 0;
  }
  /// The products of a category that may be suggested.
  ranked category(uint32_t number) const noexcept {
    auto begin = begins_[number];
    return {{products_.data() + begin, begins_[number + 1] - begin}, ids_.data() + begin};
  }

private:
  struct slot {
    uint64_t product = 0;
    place at{unavailable, unavailable}; // of an empty one the category is `unavailable`
  };

  void insert(uint64_t product, place at) noexcept;
  size_t bit_of(uint64_t product, uint32_t category) const noexcept {
    // The upper half of a product tells it as well as the lower one, which `slots_` go by.
    constexpr uint64_t spread = 0x9e37'79b9'7f4a'7c15; // 2^64 by the golden ratio
    return ((product >> 32) + category * spread) & bits_mask_;
  }

  std::vector<slot> slots_; // by hash, linear probing, at most half full
  uint64_t mask_ = 0;
  std::vector<uint64_t> suggestible_; // a bit for each (product, category), by their hash
  uint64_t bits_mask_ = 0;
  std::vector<uint64_t> products_; // that may be suggested, category after category
  std::vector<cell> ids_;          // theirs
  std::vector<uint32_t> begins_;   // of each category among them, and their end
};

/// Makes the ranking of a table's snapshots, for `table::add_index`.
std::function<std::unique_ptr<const table_index>(const table_snapshot&)>
ranking_by(ranking_rules rules);

} // namespace keyfold
