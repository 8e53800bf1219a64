#pragma once

#include "features/view.hpp"

#include <cstdlib>

namespace keyfold::fuzz {

/// Ends the program, which libFuzzer reports, unless `x` is null or a value of `type` through and
/// through. Reads all that the value points to, for the sanitizers to see.
inline void check_value(const cell& x, const data_type& type) {
  static volatile size_t seen = 0;
  if (x.is_null())
    return;
  if (x.kind() != cell_kind_of(type.kind))
    std::abort();
  if (type.kind == type_kind::decimal && x.scale() != type.scale)
    std::abort();
  if (x.kind() == cell_kind::string || x.kind() == cell_kind::bytes)
    for (auto c : x.as_text())
      seen = seen + static_cast<unsigned char>(c);
  if (x.kind() != cell_kind::list && x.kind() != cell_kind::map)
    return;
  static const data_type name{type_kind::string, 0, 0, nullptr};
  for (size_t i = 0; i < x.items().size(); ++i)
    check_value(x.items()[i], type.kind == type_kind::map && i % 2 == 0 ? name : *type.element);
}

/// Takes what views tell and checks every value of it.
class checking_sink final : public change_sink, public emission_sink, public feature_sink {
public:
  explicit checking_sink(const view& of) : view_(of) {}

  void upsert(std::span<const cell> group, std::span<const cell> values, event_time) override {
    check(group, view_.changes().group);
    check(values, view_.changes().values);
  }
  void erase(std::span<const cell> group, event_time) override {
    check(group, view_.changes().group);
  }
  void emit(std::span<const cell> row, event_time) override { check(row, view_.emissions()); }
  void on_feature(std::string_view name, const feature_value& value) override {
    for (const auto& x : view_.features())
      if (x.name == name)
        check_value(value.value, x.type);
  }

private:
  static void check(std::span<const cell> row, std::span<const column> columns) {
    if (row.size() != columns.size())
      std::abort();
    for (size_t i = 0; i < row.size(); ++i)
      check_value(row[i], columns[i].type);
  }

  const view& view_;
};

} // namespace keyfold::fuzz
