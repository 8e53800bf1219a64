#pragma once

#include "features/aggregate/function.hpp"

/// The makers of aggregate functions, one per family; private to `make_aggregate`, which has
/// checked the argument's type.
namespace keyfold::aggregates {

using function_ptr = std::shared_ptr<const aggregate_function>;

inline data_type type_of(type_kind kind) {
  data_type out;
  out.kind = kind;
  return out;
}

data_type list_of(const data_type& item);

/// The number in the cell as the nearest double. @pre a number
double number_in(const cell& x) noexcept;

function_ptr make_count();
function_ptr make_sum(const data_type& argument, bool zero_when_empty);
function_ptr make_average(const data_type& argument);
/// Of `var_samp` to `kurtosis`.
function_ptr make_moment(aggregate_kind kind);
function_ptr make_extreme(const data_type& argument, bool greatest);
/// The first or last value that is not null, by (event time, arrival).
function_ptr make_end_value(const data_type& argument, bool last);
/// A list of the first or last `most` values, by (event time, arrival).
/// @param counted whether values beyond `most` count as left out
function_ptr make_end_list(const data_type& argument, bool last, uint32_t most, bool counted);
/// `of` over the most recent `most` rows.
function_ptr make_limited(function_ptr of, const data_type& argument, uint32_t most);
/// Of `value_counts`, `top_k`, `count_distinct`.
function_ptr make_table(const aggregate_spec& spec);
function_ptr make_distinct_sketch(uint32_t exact_bound);
function_ptr make_percentile(double percentile);
function_ptr make_histogram(std::vector<double> bounds);

} // namespace keyfold::aggregates
