#pragma once

#include <string>
#include <tl/expected.hpp>

namespace keyfold {

/// An expected failure: a sentence that names the place and the remedy.
struct error {
  std::string message;
};

/// A value, or why there is none.
template <class T>
using result = tl::expected<T, error>;

/// Makes the failed `result`.
inline tl::unexpected<error> fail(std::string message) {
  return tl::unexpected<error>{error{std::move(message)}};
}

} // namespace keyfold
