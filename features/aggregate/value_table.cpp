#include "features/aggregate/functions.hpp"
#include "features/aggregate/stored_value.hpp"
#include "features/entity_key.hpp"
#include "features/expression/comparison.hpp"
#include "features/prefetch.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <string>

namespace keyfold::aggregates {

namespace {

/// How often each value has been seen, in the order of the values.
struct value_table {
  struct entry {
    stored_value value;
    int64_t count;
  };

  value_table() noexcept = default;
  value_table(const value_table&) = delete;
  value_table& operator=(const value_table&) = delete;
  ~value_table() {
    for (auto& x : entries)
      x.value.clear();
  }

  std::vector<entry> entries;
};

/// What functions over a table share; the slot is a pointer to the table.
class table_function : public aggregate_function {
public:
  table_function(const data_type& argument, uint32_t most)
      : argument_(argument), order_(expressions::order_of(argument.kind)), most_(most) {}

  size_t words() const noexcept override { return 1; }
  bool retractable() const noexcept override { return true; }
  bool owning() const noexcept override { return true; }
  aggregate_outcome add(uint64_t* slot, const cell& x, event_time) const override {
    return change(slot, x, 1) ? aggregate_outcome::taken : aggregate_outcome::bounded;
  }
  void remove(uint64_t* slot, const cell& x) const override { change(slot, x, -1); }
  bool merge(uint64_t* to, const uint64_t* from) const override {
    auto all = true;
    if (const auto* other = table(from))
      for (const auto& x : other->entries)
        all = change(to, x.value.get(), x.count) && all;
    return all;
  }
  void retract(uint64_t* to, const uint64_t* from) const override {
    if (const auto* other = table(from))
      for (const auto& x : other->entries)
        change(to, x.value.get(), -x.count);
  }
  void clear(uint64_t* slot) const noexcept override {
    delete table(slot);
    *slot = 0;
  }
  void encode(const uint64_t* slot, byte_writer& out) const override {
    const auto* own = table(slot);
    out.varint(own == nullptr ? 0 : own->entries.size());
    if (own == nullptr)
      return;
    for (const auto& x : own->entries) {
      out.value(x.value.get());
      out.varint(static_cast<uint64_t>(x.count));
    }
  }
  bool decode(uint64_t* slot, byte_reader& in) const override {
    auto size = in.varint();
    if (size > most_)
      return false;
    for (uint64_t i = 0; i < size; ++i) {
      auto x = read_cell(in, argument_);
      auto count = in.varint();
      const auto* own = table(slot);
      if (!in.good() || count == 0
          || count > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())
          || (own != nullptr && !(order_(own->entries.back().value.get(), x) < 0)))
        return false;
      change(slot, x, static_cast<int64_t>(count));
    }
    return in.good();
  }
  size_t memory(const uint64_t* slot) const noexcept override {
    const auto* own = table(slot);
    if (own == nullptr)
      return 0;
    auto sum = sizeof *own + own->entries.capacity() * sizeof(value_table::entry);
    for (const auto& x : own->entries)
      sum += x.value.memory();
    return sum;
  }

protected:
  static value_table* table(const uint64_t* slot) noexcept {
    return reinterpret_cast<value_table*>(*slot);
  }
  const data_type& argument() const noexcept { return argument_; }

private:
  /// False where a new value has no room.
  bool change(uint64_t* slot, const cell& x, int64_t by) const {
    if (*slot == 0) {
      if (by < 0)
        return true;
      *slot = reinterpret_cast<uint64_t>(new value_table);
    }
    auto& entries = table(slot)->entries;
    load(entries);
    auto place = entries.end();
    if (!entries.empty() && !(order_(entries.back().value.get(), x) < 0))
      place =
          std::lower_bound(entries.begin(), entries.end(), x, [&](const auto& a, const auto& b) {
            return order_(a.value.get(), b) < 0;
          });
    if (place != entries.end() && order_(place->value.get(), x) == 0) {
      place->count += by;
      if (place->count <= 0) {
        place->value.clear();
        entries.erase(place);
      }
      if (entries.empty())
        clear(slot);
      return true;
    }
    // What found no room when it came leaves without having been there.
    if (by < 0)
      return true;
    if (entries.size() >= most_)
      return false;
    value_table::entry made{{}, by};
    made.value.set(x);
    entries.insert(place, made);
    return true;
  }

  /// Asks for a table of few lines: one wait for all of them instead of one for each step of the
  /// search.
  static void load(const std::vector<value_table::entry>& entries) noexcept {
    constexpr size_t few = 64;
    constexpr size_t entries_of_line = 2;
    if (entries.size() <= few)
      for (size_t i = 0; i < entries.size(); i += entries_of_line)
        prefetch_line(entries.data() + i);
  }

  data_type argument_;
  expressions::cell_order order_;
  uint32_t most_;
};

class value_counts_function final : public table_function {
public:
  value_counts_function(const data_type& argument, uint32_t most)
      : table_function(argument, most), type_(type_of(type_kind::map)) {
    type_.element = std::make_shared<const data_type>(type_of(type_kind::int64));
  }

  const data_type& type() const noexcept override { return type_; }
  cell value(const uint64_t* slot, arena& memory) const override {
    const auto* own = table(slot);
    if (own == nullptr)
      return {};
    auto cells = memory.allocate_cells(2 * own->entries.size());
    for (size_t i = 0; i < own->entries.size(); ++i) {
      cells[2 * i] = cell::string(text_of(own->entries[i].value.get(), memory));
      cells[2 * i + 1] = cell::integer(own->entries[i].count);
    }
    return cell::map(cells);
  }

private:
  static std::string_view text_of(const cell& x, arena& memory) {
    if (x.kind() == cell_kind::string || x.kind() == cell_kind::bytes)
      return memory.copy(x.as_text());
    std::string text;
    append_entity_key({&x, 1}, text);
    return memory.copy(text);
  }

  data_type type_;
};

/// The values seen most often, most often first; among equals the smaller value.
class top_k_function final : public table_function {
public:
  top_k_function(const data_type& argument, uint32_t most, uint32_t k)
      : table_function(argument, most), type_(list_of(argument)), k_(k) {}

  const data_type& type() const noexcept override { return type_; }
  cell value(const uint64_t* slot, arena& memory) const override {
    const auto* own = table(slot);
    if (own == nullptr)
      return {};
    const auto& entries = own->entries;
    std::vector<uint32_t> ranked(entries.size());
    std::iota(ranked.begin(), ranked.end(), 0u);
    auto size = std::min<size_t>(k_, ranked.size());
    std::partial_sort(ranked.begin(), ranked.begin() + static_cast<ptrdiff_t>(size), ranked.end(),
                      [&](auto a, auto b) {
                        return entries[a].count != entries[b].count
                                   ? entries[a].count > entries[b].count
                                   : a < b;
                      });
    auto cells = memory.allocate_cells(size);
    for (size_t i = 0; i < size; ++i)
      cells[i] = memory.copy(entries[ranked[i]].value.get());
    return cell::list(cells);
  }

private:
  data_type type_;
  uint32_t k_;
};

class count_distinct_function final : public table_function {
public:
  using table_function::table_function;

  const data_type& type() const noexcept override { return type_; }
  cell value(const uint64_t* slot, arena&) const override {
    const auto* own = table(slot);
    return cell::integer(own == nullptr ? 0 : static_cast<int64_t>(own->entries.size()));
  }

private:
  data_type type_ = type_of(type_kind::int64);
};

} // namespace

function_ptr make_table(const aggregate_spec& spec) {
  if (spec.kind == aggregate_kind::value_counts)
    return std::make_shared<value_counts_function>(*spec.argument, spec.max_values);
  if (spec.kind == aggregate_kind::top_k)
    return std::make_shared<top_k_function>(*spec.argument, spec.max_values, spec.k);
  return std::make_shared<count_distinct_function>(*spec.argument, spec.max_values);
}

} // namespace keyfold::aggregates
