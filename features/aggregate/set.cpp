#include "features/aggregate/set.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace keyfold {

namespace {

std::string text_of(const aggregate_spec& x) {
  auto out = fmt::format("{} {} {} {} {} {} {}", static_cast<int>(x.kind),
                         x.argument ? to_string(*x.argument) : "", x.limit.value_or(0), x.k,
                         x.max_values, x.exact_bound, x.percentile);
  for (auto bound : x.bounds)
    fmt::format_to(std::back_inserter(out), " {}", bound);
  return out + (x.zero_when_empty ? " 0" : "");
}

data_type boolean_type() {
  data_type out;
  out.kind = type_kind::boolean;
  return out;
}

} // namespace

uint32_t aggregate_set::need_argument(const aggregate_definition& x) {
  auto text = x.value_text + '\n' + x.where_text;
  for (uint32_t i = 0; i < arguments_.size(); ++i)
    if (arguments_[i].text == text)
      return i;
  arguments_.push_back({x.value, x.where, std::move(text)});
  argument_types_.push_back(x.value ? x.value->type() : boolean_type());
  return static_cast<uint32_t>(arguments_.size() - 1);
}

result<aggregate_set> aggregate_set::make(const std::vector<aggregate_definition>& definitions) {
  aggregate_set out;
  for (const auto& x : definitions) {
    auto spec = x.spec;
    if (x.value)
      spec.argument = x.value->type();
    auto made = make_aggregate(spec);
    if (!made)
      return fail(fmt::format("aggregate `{}`: {}", x.name, made.error().message));
    slot wanted{std::move(*made), out.need_argument(x), out.words_, text_of(spec)};
    auto& argument = out.arguments_[wanted.argument];
    argument.only_counted = argument.only_counted && spec.kind == aggregate_kind::count;
    wanted.text += fmt::format("\n{}", argument.text);
    auto known = std::find_if(out.slots_.begin(), out.slots_.end(),
                              [&](const auto& y) { return y.text == wanted.text; });
    out.slot_of_.push_back(static_cast<uint32_t>(known - out.slots_.begin()));
    if (known != out.slots_.end())
      continue;
    out.words_ += wanted.function->words();
    out.owning_ = out.owning_ || wanted.function->owning();
    out.fingerprint_ += wanted.text + '\n';
    out.slots_.push_back(std::move(wanted));
  }
  if (out.slots_.size() > most)
    return fail(fmt::format("there are {} different aggregates, and a view can have {}; divide it",
                            out.slots_.size(), most));
  return out;
}

aggregate_set::row_values aggregate_set::evaluate(std::span<const cell> row, arena& scratch) const {
  row_values out{scratch.allocate_cells(arguments_.size()), 0};
  for (size_t i = 0; i < arguments_.size(); ++i) {
    const auto& x = arguments_[i];
    if (x.where && !x.where->holds(row, scratch))
      continue;
    out.passed |= uint64_t{1} << i;
    auto& value = out.values[i];
    value = x.value ? x.value->evaluate(row, scratch) : cell::boolean(true);
    if (x.only_counted && value.kind() == cell_kind::string)
      value = cell::string("");
  }
  return out;
}

aggregate_outcome aggregate_set::add(uint32_t number, uint64_t* words, const row_values& row,
                                     event_time at) const {
  const auto& x = slots_[number];
  return counts_in(x, row) ? x.function->add(words, row.values[x.argument], at)
                           : aggregate_outcome::taken;
}

void aggregate_set::remove(uint32_t number, uint64_t* words, const row_values& row) const {
  const auto& x = slots_[number];
  if (counts_in(x, row))
    x.function->remove(words, row.values[x.argument]);
}

void aggregate_set::add(uint64_t* block, const row_values& row, event_time at,
                        fold_counts& counts) const {
  for (uint32_t i = 0; i < slots_.size(); ++i) {
    switch (add(i, block + slots_[i].offset, row, at)) {
    case aggregate_outcome::taken:
      break;
    case aggregate_outcome::skipped:
      ++counts.skipped;
      break;
    case aggregate_outcome::bounded:
      ++counts.bound_reached;
      break;
    }
  }
}

void aggregate_set::merge(uint64_t* to, const uint64_t* from, fold_counts& counts) const {
  for (const auto& x : slots_)
    if (!x.function->merge(to + x.offset, from + x.offset))
      ++counts.bound_reached;
}

void aggregate_set::clear(uint64_t* block) const noexcept {
  for (const auto& x : slots_)
    x.function->clear(block + x.offset);
}

void aggregate_set::encode(const uint64_t* block, byte_writer& out) const {
  for (const auto& x : slots_)
    x.function->encode(block + x.offset, out);
}

bool aggregate_set::decode(uint64_t* block, byte_reader& in) const {
  for (const auto& x : slots_)
    if (!x.function->decode(block + x.offset, in)) {
      clear(block);
      return false;
    }
  return true;
}

size_t aggregate_set::memory(const uint64_t* block) const noexcept {
  size_t sum = 0;
  if (owning_)
    for (const auto& x : slots_)
      sum += x.function->memory(block + x.offset);
  return sum;
}

temporary_slot::temporary_slot(const aggregate_function& function, arena& memory)
    : function_(function),
      words_(reinterpret_cast<uint64_t*>(memory.allocate(function.words() * sizeof(uint64_t)))) {
  std::fill_n(words_, function.words(), uint64_t{0});
}

temporary_block::temporary_block(const aggregate_set& of, std::span<const uint32_t> slots,
                                 arena& memory)
    : set_(of), slots_(slots),
      words_(reinterpret_cast<uint64_t*>(memory.allocate(of.words() * sizeof(uint64_t)))) {
  std::fill_n(words_, of.words(), uint64_t{0});
}

temporary_block::~temporary_block() {
  for (auto slot : slots_)
    if (set_.function(slot).owning())
      set_.function(slot).clear(words(slot));
}

} // namespace keyfold
