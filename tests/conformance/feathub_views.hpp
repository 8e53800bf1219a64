#pragma once

#include "case.hpp"
#include "window_values.hpp"

#include <map>
#include <optional>

namespace keyfold::conformance {

/// How a sliding window publishes.
struct window_flags {
  bool empty_output = true;
  bool skip_same = true;
};

/// Feathub's views over views as a definition: expressions become derived columns, over windows and
/// sliding windows the views of those types, joins views `as_of`. Every method throws
/// `unknown_notation` where there is no counterpart.
class feathub_views {
public:
  /// @param file for the input that tests share
  /// @param test with its `views`, `features`, `sources` and `tables`
  feathub_views(const json& file, const json& test);

  /// All views of the test.
  void add_all(window_flags flags);
  /// The definition, what is compared, and the steps. Nothing is added afterwards.
  run finish(std::string name);

  /// The table that the first view's rows come from, and the column that has their times.
  const table& input() const { return *input_; }
  const std::string& input_time() const { return input_time_; }
  /// Columns of the last view.
  const std::vector<std::string>& columns() const { return last_.columns; }

private:
  /// A stream that a view can read: a table, or what a view before emits.
  struct node {
    bool of_view = false; ///< `place` is one of the definition's views, else of its streams
    size_t place = 0;
    std::string stream;
    std::vector<std::string> columns;
    std::vector<std::string> keys;

    bool has(const std::string& column) const;
  };

  void add_derived(const json& view);
  void add_sliding(const json& view, window_flags flags);

  const node& open(const std::string& name);
  node open_table(const std::string& name);
  table find_table(const std::string& source) const;
  json feature_of(const json& written) const;

  json& declaration(node& x);
  void derive(node& x, const std::string& column, const std::string& expression);
  void filter(node& x, const std::string& condition);
  void add_feature(const json& feature, node& to, std::vector<json>& over);
  void add_over(node& to, std::vector<json>& over);
  void join(node& to, const std::string& from, const json& value_columns);
  void join_feature(node& to, const json& feature);
  std::string entity_of(node& over, const std::vector<std::string>& keys);
  node add_view(json view, std::vector<std::string> columns, std::vector<std::string> keys);

  const json& file_;
  const json& test_;
  json definition_;
  std::map<std::string, node> named_;
  std::map<std::string, size_t> opened_;
  std::vector<step> steps_;
  std::optional<table> input_;
  std::string input_time_;
  node last_;
};

} // namespace keyfold::conformance
