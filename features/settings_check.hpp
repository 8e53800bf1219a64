#pragma once

#include "features/expression.hpp"
#include "features/result.hpp"

#include <fmt/format.h>

#include <optional>
#include <string>

namespace keyfold {

/// Checks the settings of a view part by part; the first problem found stays.
class settings_check {
public:
  explicit settings_check(const std::string& view) : view_(view) {
    require(!view.empty(), "it has no name: give it one");
  }

  /// Unless `holds`, the problem is the sentence that `text` and `args` make.
  template <class... Args>
  void require(bool holds, std::string_view text, const Args&... args) {
    if (!holds && !problem_)
      problem_ = error{
          fmt::format("view `{}`: {}", view_, fmt::vformat(text, fmt::make_format_args(args...)))};
  }
  /// An optional `where` must be a condition.
  void condition(const std::optional<expression>& where) {
    require(!where || where->type().kind == type_kind::boolean,
            "its `where` is no condition: compare something");
  }
  std::optional<error> problem() { return std::move(problem_); }

private:
  std::string view_;
  std::optional<error> problem_;
};

} // namespace keyfold
