#pragma once

#include "../support/bare_view.hpp"
#include "definitions.hpp"

#include "config/document.hpp"
#include "config/graph.hpp"
#include "config/outputs.hpp"

#include <array>
#include <map>
#include <string>
#include <vector>

namespace keyfold::config {

/// Kinds of views for tests of what every kind stands on: `joined` has the roles `left`, `right`
/// and, optional, `extra`; `single` is over its own stream and takes the column named as `column`.
/// The columns that a view names as `left_column` and so on are those it uses of that role; of its
/// first stream it emits those in `emitted`.
inline std::shared_ptr<const view> read_test_view(const view_request& x) {
  static constexpr std::array names{"left_column", "right_column", "extra_column"};
  std::vector<std::string> streams;
  for (size_t i = 0; i < x.inputs.size(); ++i) {
    if (x.inputs[i] == nullptr)
      continue;
    streams.push_back(x.inputs[i]->schema().name);
    auto at = x.definition[x.inputs.size() == 1 ? "column" : names.at(i)];
    if (at && !x.inputs[i]->find(at))
      return nullptr;
  }
  std::vector<column> emitted;
  for (const auto& at : x.definition["emitted"].items())
    if (auto found = x.columns.find(at))
      emitted.push_back({at.text(), x.columns.field(*found).type});
  return std::make_shared<bare_view>(x.name, std::move(streams), std::move(emitted));
}

inline constexpr std::array joined_roles{view_role{"left"}, view_role{"right"},
                                         view_role{"extra", false}};
inline constexpr std::array test_kinds{view_kind{"joined", read_test_view, joined_roles},
                                       view_kind{"single", read_test_view}};

inline const view_kind* find_test_kind(std::string_view type) {
  for (const auto& kind : test_kinds)
    if (kind.type == type)
      return &kind;
  return nullptr;
}

/// Two streams, `clicks` and `orders`, the entity `user`, and the views of `views`; outputs where
/// they are given.
inline std::string two_streams(const std::string& views, const std::string& outputs = "") {
  return R"({"application": "a", "streams": [
  {"name": "clicks", "source": {"type": "stdin"}, "event_time": "t",
   "fields": {"user": "string", "item": "int64", "t": "timestamp", "note": "string"}},
  {"name": "orders", "source": {"type": "stdin"}, "event_time": "t",
   "fields": {"buyer": "string", "number": "int64", "t": "timestamp", "note": "string"}}],
"entities": [{"name": "user", "key": ["user"]}],
"views": [)"
         + views + R"(], "outputs": [)" + outputs + "]}";
}

/// A definition read as far as its graph, with the kinds of views above.
struct graph_fixture {
  explicit graph_fixture(const std::string& text)
      : source(text, "d.json", test_environment), definition(source, &source.root(), ""),
        tables(definition), streams(read_streams(definition, "a", names, tables)),
        views(definition, streams, names, tables, find_test_kind) {
    views.check();
    read_outputs(definition, views, streams, shown);
    if (!source.failed())
      views.check_use();
  }

  std::vector<std::shared_ptr<const entity_definition>> build() {
    for (const auto& stream : streams)
      schemas.push_back(prune(stream, tables));
    return views.build(schemas);
  }
  std::string all_errors() {
    std::string out;
    for (const auto& message : source.errors().messages)
      out += message + "\n";
    return out;
  }

  document source;
  node definition;
  table_set tables;
  name_table names{"streams"};
  std::vector<declared_stream> streams;
  graph views;
  std::vector<std::shared_ptr<const stream_schema>> schemas;
  plan shown; ///< only the outputs
};

} // namespace keyfold::config
