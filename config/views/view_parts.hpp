#pragma once

#include "config/view_kinds.hpp"
#include "features/result.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold::config {

/// Columns that a view takes from a stream, and what it calls them.
struct chosen_columns {
  std::vector<uint32_t> places; ///< of the stream's rows
  std::vector<column> named;    ///< in the same order
};

/// Reads the parts that the definitions of several kinds of view have; remembers whether all of
/// them were right. What is wrong is complained of where it is.
class view_parts {
public:
  explicit view_parts(const view_request& from) : from_(from), at_(from.definition) {}

  bool sound() const noexcept { return sound_; }
  void refuse(const node& at, std::string sentence) {
    at.complain(std::move(sentence));
    sound_ = false;
  }
  /// Something is wrong, and has been complained of already.
  void refuse_silently() noexcept { sound_ = false; }
  /// The length at `key`, which must be longer than 0; nothing where it is absent.
  std::optional<duration> length_of(std::string_view key);
  /// The condition at `key`, over `columns`, and how it is written; nothing where it is absent.
  std::optional<expression> condition(view_columns& columns, std::string_view key,
                                      std::string& text);
  /// The columns listed at `key`: an array of names, or an object of other names for them.
  /// @param scalar lists and maps are refused
  chosen_columns columns(view_columns& from, std::string_view key, bool scalar = false);
  /// Whether late rows are to be left out.
  bool drops_late() const { return at_.text_or("late", "fold") == "drop"; }
  /// The view, unless it or a part of it is wrong; takes its features from those left.
  std::shared_ptr<const view> finish(result<std::shared_ptr<const view>> made);

private:
  const view_request& from_;
  const node& at_;
  bool sound_ = true;
};

} // namespace keyfold::config
