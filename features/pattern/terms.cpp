#include "features/pattern/terms.hpp"

#include "features/decimal.hpp"

#include <algorithm>
#include <array>

namespace keyfold::patterns {

namespace {

using function = term::function;

constexpr size_t most_slots = 2; // of a term

uint32_t slots_of(const term& x) {
  return x.what == function::first || x.what == function::avg ? 2 : 1;
}

/// A sum that does not fit any more stays unknown: a truth value, which no sum is.
cell unknown_sum() {
  return cell::boolean(false);
}

cell sum_of(const cell& a, const cell& b) {
  if (a.is_null())
    return b;
  if (a.kind() != b.kind())
    return unknown_sum();
  int64_t sum = 0;
  switch (b.kind()) {
  case cell_kind::integer:
    return __builtin_add_overflow(a.as_integer(), b.as_integer(), &sum) ? unknown_sum()
                                                                        : cell::integer(sum);
  case cell_kind::decimal:
    if (a.scale() != b.scale() || __builtin_add_overflow(a.unscaled(), b.unscaled(), &sum)
        || sum <= -powers_of_ten[decimal_digits] || sum >= powers_of_ten[decimal_digits])
      return unknown_sum();
    return cell::decimal(sum, a.scale());
  default:
    return cell::real(a.as_real() + b.as_real());
  }
}

double to_double(const cell& x) {
  switch (x.kind()) {
  case cell_kind::integer:
    return static_cast<double>(x.as_integer());
  case cell_kind::decimal:
    return decimal_to_double(x.unscaled(), x.scale());
  default:
    return x.as_real();
  }
}

/// The value of the row that the term is about; for COUNT(*) anything but null.
cell argument_of(const term& x, std::span<const cell> row, arena& scratch) {
  return x.argument ? x.argument->evaluate(row, scratch) : cell::boolean(true);
}

/// Adds a row's value to running ones, which are null before the first.
void add_value(const term& x, cell* running, const cell& value) {
  if (x.what == function::last) {
    running[0] = value;
  } else if (x.what == function::first) {
    if (running[1].is_null())
      running[0] = value;
    running[1] = cell::boolean(true);
  }
  if (value.is_null() || x.what == function::last || x.what == function::first)
    return;
  switch (x.what) {
  case function::count:
    running[0] = cell::integer(running[0].is_null() ? 1 : running[0].as_integer() + 1);
    break;
  case function::avg:
    running[0] = cell::real((running[0].is_null() ? 0 : running[0].as_real()) + to_double(value));
    running[1] = cell::integer(running[1].is_null() ? 1 : running[1].as_integer() + 1);
    break;
  case function::sum:
    running[0] = sum_of(running[0], value);
    break;
  case function::min:
    if (running[0].is_null() || x.order(value, running[0]) < 0)
      running[0] = value;
    break;
  default:
    if (running[0].is_null() || x.order(value, running[0]) > 0)
      running[0] = value;
    break;
  }
}

cell final_value(const term& x, const cell* running) {
  switch (x.what) {
  case function::count:
    return running[0].is_null() ? cell::integer(0) : running[0];
  case function::avg:
    return running[1].is_null()
               ? cell{}
               : expressions::finite_real(running[0].as_real()
                                          / static_cast<double>(running[1].as_integer()));
  case function::sum:
    if (running[0].kind() == cell_kind::real)
      return expressions::finite_real(running[0].as_real());
    return running[0].kind() == cell_kind::boolean ? cell{} : running[0];
  default:
    return running[0];
  }
}

/// Whether a value of the type stays where it is when the evaluation's memory is cleared: it is no
/// text, or one of the row itself.
bool outlives_evaluation(const term& x) {
  if (!x.argument)
    return true;
  auto kind = cell_kind_of(x.argument->type().kind);
  auto points = kind == cell_kind::string || kind == cell_kind::bytes || kind == cell_kind::list
                || kind == cell_kind::map;
  return !points || x.argument->is_column();
}

} // namespace

void term_set::keep_running(uint32_t number) {
  auto& x = terms_[number];
  if (x.slot || x.offset != 0 || !outlives_evaluation(x))
    return;
  x.slot = width_;
  width_ += slots_of(x);
}

void term_set::accumulate(const match_node* before, const buffered_row& row, uint16_t variable,
                          std::span<cell> out, arena& scratch) const {
  if (before != nullptr)
    std::copy(before->running().begin(), before->running().end(), out.begin());
  else
    std::fill(out.begin(), out.end(), cell{});
  for (const auto& x : terms_)
    if (x.slot && is_of(x, variable))
      add_value(x, &out[*x.slot], argument_of(x, row.cells(), scratch));
}

cell term_set::value(uint32_t number, const partial_rows& rows, arena& scratch) const {
  const auto& x = terms_[number];
  if (!x.slot)
    return looked_up(x, rows, scratch);
  std::array<cell, most_slots> running;
  if (rows.taken != nullptr)
    std::copy_n(&rows.taken->running()[*x.slot], slots_of(x), running.begin());
  if (rows.as && is_of(x, rows.as))
    add_value(x, running.data(), argument_of(x, rows.row, scratch));
  return final_value(x, running.data());
}

/// Without a running value: LAST goes back from the end, all else needs all rows.
cell term_set::looked_up(const term& x, const partial_rows& rows, arena& scratch) const {
  std::vector<std::span<const cell>> found; // the latest first
  auto enough = x.what == function::last ? x.offset + 1 : ~size_t{0};
  if (rows.as && is_of(x, rows.as))
    found.push_back(rows.row);
  for (const auto* node = rows.taken; node != nullptr && found.size() < enough;
       node = node->previous())
    if (is_of(x, node->variable()))
      found.push_back(node->row().cells());
  if (x.what == function::last || x.what == function::first) {
    if (found.size() <= x.offset)
      return {};
    auto place = x.what == function::last ? x.offset : found.size() - 1 - x.offset;
    return argument_of(x, found[place], scratch);
  }
  std::array<cell, most_slots> running;
  for (auto row = found.rbegin(); row != found.rend(); ++row)
    add_value(x, running.data(), argument_of(x, *row, scratch));
  return final_value(x, running.data());
}

cell term_set::value(uint32_t number, std::span<const match_node* const> rows,
                     arena& scratch) const {
  const auto& x = terms_[number];
  std::array<cell, most_slots> running;
  if (x.what == function::first || x.what == function::last) {
    auto left = x.offset;
    for (size_t i = 0; i < rows.size(); ++i) {
      const auto& node = *rows[x.what == function::first ? i : rows.size() - 1 - i];
      if (is_of(x, node.variable()) && left-- == 0)
        return argument_of(x, node.row().cells(), scratch);
    }
    return {};
  }
  for (const auto* node : rows)
    if (is_of(x, node->variable()))
      add_value(x, running.data(), argument_of(x, node->row().cells(), scratch));
  return final_value(x, running.data());
}

} // namespace keyfold::patterns
