#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

/// Conformance cases as the definition language and streams of records say them.
namespace keyfold::conformance {

using json = nlohmann::ordered_json;

/// A record of a stream, as JSON. Its event time is in the column that the definition says, in
/// milliseconds.
struct record {
  std::string stream;
  json value;
};
/// All records of all streams up to this time, in milliseconds, have come.
struct watermark {
  int64_t milliseconds;
};
using step = std::variant<record, watermark>;

/// A definition without outputs, what is fed to it, and what is expected.
struct run {
  std::string name; ///< of the case, and which of its variants
  json definition;
  std::string view;   ///< the rows that it publishes are compared; or
  std::string stream; ///< the events of this stream, which a view emits
  /// Time moves by the watermarks among the steps alone; else each record moves it.
  bool explicit_time = false;
  std::vector<step> steps;    ///< after the last one the streams end
  std::vector<json> expected; ///< rows as objects, in any order; other columns are not compared
  uint64_t timeouts = 0;      ///< partial matches that end because their time is over, at least
  bool refused = false;       ///< instead: the definition is an error
  std::string skipped;        ///< why it cannot be run; empty: it can
};

/// What a case says and the translation does not know. The sentence is a reason for a skip.
struct unknown_notation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A run that only says why its case is not run.
inline run skipped_run(std::string name, std::string reason) {
  run out;
  out.name = std::move(name);
  out.skipped = std::move(reason);
  return out;
}

} // namespace keyfold::conformance
