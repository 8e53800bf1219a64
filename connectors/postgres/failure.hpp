#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace keyfold::postgres {

/// What can be done about a failure.
enum class failure_kind : uint8_t {
  transient,   ///< the server or the way to it: trying again helps
  of_row,      ///< one of the rows sent is refused, the others are good
  of_batch,    ///< rows sent together are in each other's way: fewer at once may go
  person,      ///< trying again helps only once somebody has changed something
  interrupted, ///< by us
};

/// Why a call to PostgreSQL failed.
struct failure {
  failure_kind kind = failure_kind::transient;
  std::string code;    ///< SQLSTATE; empty where the server said nothing
  std::string message; ///< a sentence with the remedy, without secrets
};

template <class T>
using outcome = tl::expected<T, failure>;

/// By the classes of SQLSTATE: 22 and 23, 54000 and what triggers raise (P0001) are a row's; 21000
/// is rows with one key in one statement; 08, 40001, 40P01, 53300, 55006, 55P03, 57P01 to 57P03
/// pass; all else wants a person.
failure_kind kind_of(std::string_view code) noexcept;

/// What a person may do about it; empty where there is nothing to say beyond the server's message.
std::string_view remedy_of(std::string_view code) noexcept;

/// `message (code): remedy`.
failure make_failure(std::string_view code, std::string_view message);

/// As what a function returns: of ours, without a code.
inline tl::unexpected<failure> needs_person(std::string message) {
  return tl::unexpected{failure{failure_kind::person, "", std::move(message)}};
}
inline tl::unexpected<failure> try_again(std::string message) {
  return tl::unexpected{failure{failure_kind::transient, "", std::move(message)}};
}

} // namespace keyfold::postgres
