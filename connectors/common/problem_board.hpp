#pragma once

#include "messages/event_source.hpp"

#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace keyfold {

/// What is wrong at the moment, by subject: a sentence for each. Thread-safe. Holds at most
/// `max_subjects`; beyond, new subjects are left out until others are cleared.
class problem_board {
public:
  static constexpr size_t max_subjects = 32;

  /// True if the subject had no problem before, or another one: worth a log line.
  bool set(std::string_view subject, std::string sentence);
  bool has(std::string_view subject) const;
  /// True if the subject had a problem.
  bool clear(std::string_view subject);
  /// All subjects that begin with `prefix`.
  void clear_all(std::string_view prefix);
  /// Not ready while there is a problem; the reason tells up to three of them.
  component_status status() const;

private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string, std::less<>> problems_;
};

} // namespace keyfold
