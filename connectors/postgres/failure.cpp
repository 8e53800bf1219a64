#include "connectors/postgres/failure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace keyfold::postgres {

namespace {

constexpr std::array<std::string_view, 8> passing{"40001", "40P01", "53300", "55P03",
                                                  "55006", "57P01", "57P02", "57P03"};

struct known_remedy {
  std::string_view code;
  std::string_view remedy;
};

constexpr std::array remedies{
    known_remedy{"28P01", "correct the user in `url`, or `password`"},
    known_remedy{"28000", "the server lets this user not in from here: correct `url`, or the "
                          "server's pg_hba.conf"},
    known_remedy{"3D000", "create the database, or correct `url`"},
    known_remedy{"42501", "grant the user of `url` what it lacks"},
    known_remedy{"42P01", "create the table, or correct its name"},
    known_remedy{"42703", "the table was changed: give it the column back, or change the "
                          "definition"},
    known_remedy{"25006", "this server only reads: name the primary in `url`, or add "
                          "target_session_attrs=read-write"},
    known_remedy{"53100", "the server's disk is full: make room there"},
    known_remedy{"53300", "the server has no connection left: raise its max_connections, or close "
                          "others"},
    known_remedy{"55P03", "another session holds a lock on the table: end it"},
    known_remedy{"57014", "the server ended the statement: raise its statement_timeout"},
    known_remedy{"55006", "another process uses it: end that one"},
};

} // namespace

failure_kind kind_of(std::string_view code) noexcept {
  if (code.empty() || code.starts_with("08")
      || std::find(passing.begin(), passing.end(), code) != passing.end())
    return failure_kind::transient;
  if (code.starts_with("22") || code.starts_with("23") || code == "54000" || code == "P0001")
    return failure_kind::of_row;
  if (code == "21000")
    return failure_kind::of_batch;
  return failure_kind::person;
}

std::string_view remedy_of(std::string_view code) noexcept {
  auto found =
      std::find_if(remedies.begin(), remedies.end(), [&](const auto& x) { return x.code == code; });
  return found == remedies.end() ? std::string_view{} : found->remedy;
}

failure make_failure(std::string_view code, std::string_view message) {
  failure made{kind_of(code), std::string{code}, std::string{message}};
  while (!made.message.empty() && (made.message.back() == '\n' || made.message.back() == ' '))
    made.message.pop_back();
  if (!code.empty())
    made.message += fmt::format(" ({})", code);
  if (auto remedy = remedy_of(code); !remedy.empty())
    made.message += fmt::format(": {}", remedy);
  return made;
}

} // namespace keyfold::postgres
