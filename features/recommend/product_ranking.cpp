#include "features/recommend/product_ranking.hpp"

#include "features/distinct_counter.hpp"
#include "features/entity_key.hpp"
#include "features/expression/comparison.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <compare>
#include <numeric>

namespace keyfold {

namespace {

constexpr size_t bits_of_slot = 8; // of two or more for each product

std::strong_ordering by_value(const cell& a, const cell& b, expressions::cell_order order) {
  if (a.is_null() || b.is_null())
    return a.is_null() <=> b.is_null();
  return order(a, b);
}

/// What is compared of the rows of a snapshot, looked up once.
class compared_rows {
public:
  compared_rows(const table_snapshot& from, const ranking_rules& rules)
      : product_order_(order_of(from, rules.product)),
        category_order_(order_of(from, rules.category)),
        rating_order_(rules.by == ranking_rules::order::text
                          ? expressions::order_of(type_kind::string)
                          : order_of(from, rules.rating)) {
    for (uint32_t row = 0; row < from.rows(); ++row) {
      auto rating = from.value(row, rules.rating);
      // What is no number would be greater than all that are.
      if (rating.kind() == cell_kind::real && std::isnan(rating.as_real()))
        rating = cell{};
      rows_.push_back({from.value(row, rules.category), from.value(row, rules.product),
                       rules.by == ranking_rules::order::text ? as_text(rating) : rating});
    }
  }

  const cell& product(uint32_t row) const noexcept { return rows_[row].product; }
  bool in_no_category(uint32_t row) const noexcept { return rows_[row].category.is_null(); }
  bool same_category(uint32_t a, uint32_t b) const {
    return by_value(rows_[a].category, rows_[b].category, category_order_) == 0;
  }
  /// Category after category, the better rating first.
  bool before(uint32_t a, uint32_t b) const {
    const auto& x = rows_[a];
    const auto& y = rows_[b];
    if (auto category = by_value(x.category, y.category, category_order_); category != 0)
      return category < 0;
    if (x.rating.is_null() != y.rating.is_null())
      return y.rating.is_null();
    if (auto rating = by_value(x.rating, y.rating, rating_order_); rating != 0)
      return rating > 0;
    return by_value(x.product, y.product, product_order_) < 0;
  }

private:
  struct compared {
    cell category;
    cell product;
    cell rating;
  };

  static expressions::cell_order order_of(const table_snapshot& from, uint32_t column) {
    return expressions::order_of(from.columns()[column].type.kind);
  }
  cell as_text(const cell& x) {
    text_.clear();
    if (x.kind() == cell_kind::string || !append_entity_key({&x, 1}, text_))
      return x;
    return cell::string(memory_.copy(text_));
  }

  expressions::cell_order product_order_;
  expressions::cell_order category_order_;
  expressions::cell_order rating_order_;
  std::vector<compared> rows_;
  arena memory_;
  std::string text_;
};

std::vector<bool> available_rows(const table_snapshot& from, const ranking_rules& rules) {
  std::vector<bool> out(from.rows(), true);
  if (!rules.available)
    return out;
  std::vector<cell> cells(from.columns().size());
  arena scratch;
  for (uint32_t row = 0; row < from.rows(); ++row) {
    for (auto column : rules.available->columns())
      cells[column] = from.value(row, column);
    out[row] = rules.available->holds(cells, scratch);
    scratch.clear();
  }
  return out;
}

} // namespace

product_ranking::product_ranking(const table_snapshot& products, const ranking_rules& rules) {
  compared_rows rows{products, rules};
  auto available = available_rows(products, rules);
  std::vector<uint32_t> order(products.rows());
  std::iota(order.begin(), order.end(), 0u);
  std::erase_if(order, [&](auto row) { return rows.in_no_category(row); });
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return rows.before(a, b); });
  slots_.resize(std::bit_ceil(std::max<size_t>(2 * order.size(), 2)));
  mask_ = slots_.size() - 1;
  suggestible_.resize(std::max<size_t>(slots_.size() * bits_of_slot / 64, 1));
  bits_mask_ = suggestible_.size() * 64 - 1;
  for (size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || !rows.same_category(order[i - 1], order[i]))
      begins_.push_back(static_cast<uint32_t>(products_.size()));
    auto category = static_cast<uint32_t>(begins_.size() - 1);
    auto product = distinct_hash(rows.product(order[i]));
    auto rank = available[order[i]] ? static_cast<uint32_t>(products_.size()) - begins_.back()
                                    : unavailable;
    insert(product, {category, rank});
    if (!available[order[i]])
      continue;
    products_.push_back(product);
    ids_.push_back(rows.product(order[i]));
    auto bit = bit_of(product, category);
    suggestible_[bit / 64] |= uint64_t{1} << bit % 64;
  }
  begins_.push_back(static_cast<uint32_t>(products_.size()));
}

void product_ranking::insert(uint64_t product, place at) noexcept {
  auto i = product & mask_;
  while (slots_[i].at.category != unavailable)
    i = (i + 1) & mask_;
  slots_[i] = {product, at};
}

const product_ranking::place* product_ranking::find(uint64_t product) const noexcept {
  for (auto i = product & mask_; slots_[i].at.category != unavailable; i = (i + 1) & mask_)
    if (slots_[i].product == product)
      return &slots_[i].at;
  return nullptr;
}

std::function<std::unique_ptr<const table_index>(const table_snapshot&)>
ranking_by(ranking_rules rules) {
  return [rules = std::move(rules)](const table_snapshot& products) {
    return std::make_unique<const product_ranking>(products, rules);
  };
}

} // namespace keyfold
