#pragma once

#include "features/expression.hpp"
#include "features/timestamp_format.hpp"

#include <array>
#include <string>
#include <vector>

namespace keyfold::test {

/// The row of docs/expressions.md.
class example_row {
public:
  example_row() {
    auto string = data_type{type_kind::string, 0, 0, nullptr};
    auto integer = data_type{type_kind::int64, 0, 0, nullptr};
    auto add = [this](std::string name, data_type type, cell value) {
      columns_.push_back({std::move(name), std::move(type), true});
      cells_.push_back(value);
    };
    add("event", string, cell::string("like"));
    add("user.name", string, cell::string("Zo\xc3\xab"));
    add("n", integer, cell::integer(7));
    add("small", {type_kind::int32, 0, 0, nullptr}, cell::integer(3));
    add("price", {type_kind::decimal, 8, 2, nullptr}, cell::decimal(1250, 2));
    add("score", {type_kind::float64, 0, 0, nullptr}, cell::real(0.5));
    add("active", {type_kind::boolean, 0, 0, nullptr}, cell::boolean(true));
    add("at", {type_kind::timestamp, 0, 0, nullptr},
        cell::timestamp(*read_timestamp("2024-02-29T13:14:15.250Z", timestamp_unit::rfc3339)));
    add("tags", {type_kind::list, 0, 0, std::make_shared<const data_type>(string)},
        cell::list(tags_));
    add("labels", {type_kind::map, 0, 0, std::make_shared<const data_type>(integer)},
        cell::map(labels_));
    add("nothing", string, cell{});
    add("no_number", integer, cell{});
  }
  example_row(const example_row&) = delete;
  example_row& operator=(const example_row&) = delete;

  const scope& columns() const { return columns_; }
  std::span<const cell> cells() const { return cells_; }

private:
  std::array<cell, 2> tags_{cell::string("red"), cell::string("green")};
  std::array<cell, 4> labels_{cell::string("a"), cell::integer(1), cell::string("b"),
                              cell::integer(2)};
  scope columns_;
  std::vector<cell> cells_;
};

/// A value as the documentation writes it.
std::string shown(const cell& x);

/// The value of `text` on `row`, as the documentation writes it; or "error at OFFSET: MESSAGE".
std::string evaluated(const std::string& text, const example_row& row);

} // namespace keyfold::test
