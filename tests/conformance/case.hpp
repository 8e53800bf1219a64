#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <variant>
#include <vector>

/// Conformance cases as the definition language and streams of records say them.
namespace keyfold::conformance {

using json = nlohmann::ordered_json;

/// A record of the case's stream, as JSON.
struct record {
  json value;
};
/// All records up to this time, in milliseconds, have come.
struct watermark {
  int64_t milliseconds;
};
using step = std::variant<record, watermark>;

/// A definition, what is fed to it, and what is expected. All of a case's records are of the stream
/// `events`, and what counts is what the view `matches` emits.
struct run {
  std::string name; ///< of the case, and which of its variants
  json definition;
  std::vector<step> steps;    ///< after the last one the stream ends
  std::vector<json> expected; ///< events emitted, in any order
  bool refused = false;       ///< instead: the definition is an error
  std::string skipped;        ///< why it cannot be run; empty: it can
};

} // namespace keyfold::conformance
