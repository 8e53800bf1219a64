#pragma once

#include "case.hpp"

/// The two kinds of cases of patterns.json, and what they share.
namespace keyfold::conformance {

/// The runs of a case of the kind `cep`: stages, events, ids of matches.
std::vector<run> cep_runs(const json& x);
/// The runs of a case of the kind `match_recognize`: a text, rows, measures.
std::vector<run> match_recognize_runs(const json& x);

/// The definition of a view `matches` of the type pattern, about the entity `key` of the stream
/// `events`, that has these records and their times in `event_at`; matches are its derived stream
/// `found`.
json pattern_definition(const std::vector<json>& records, const std::vector<std::string>& key,
                        json view);

} // namespace keyfold::conformance
