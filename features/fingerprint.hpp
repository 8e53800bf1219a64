#pragma once

#include "features/data_type.hpp"
#include "features/view.hpp"

#include <span>
#include <string>
#include <string_view>

namespace keyfold {

/// Puts together the text that `view::fingerprint` is. Every part is preceded by its size, so that
/// no two lists of parts give the same text.
class fingerprint_writer {
public:
  /// @param format the kind of view and the version of its state's format, e.g. `top_k 1`
  explicit fingerprint_writer(std::string_view format) : text_(format) {}

  fingerprint_writer& add(std::string_view part) {
    text_.append(" ").append(std::to_string(part.size())).append(":").append(part);
    return *this;
  }
  fingerprint_writer& add(std::span<const column> columns) {
    for (const auto& x : columns)
      add(x.name).add(to_string(x.type));
    return add(";");
  }
  fingerprint_writer& add(int64_t number) { return add(std::to_string(number)); }
  std::string take() { return std::move(text_); }

private:
  std::string text_;
};

} // namespace keyfold
