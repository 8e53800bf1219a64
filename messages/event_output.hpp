#pragma once

#include "messages/change_log.hpp"
#include "messages/event_source.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace keyfold {

/// Where changes go. Driven by one thread, the OUTPUT WRITER's; `status` and `interrupt` may be
/// called from any thread.
class event_output {
public:
  virtual ~event_output() = default;

  /// What the ledger knows of this output: the newest epoch that it noted as published, 0 if none,
  /// and the `position` that went with it. Called before each `open`.
  virtual void recorded(uint64_t /*epoch*/, const std::string& /*position*/) {}
  /// Connects. Returns the newest epoch the other side holds (its marker), 0 if it has none. May be
  /// called again after an error of `publish`: then the marker tells whether the failed epoch
  /// arrived. An error is retried by the caller, with back-off, unless `fatal` is set.
  virtual result<uint64_t> open() = 0;
  /// Publishes the changes of `epoch`, in order; returns once they are durable there, together with
  /// the marker `epoch`. On an error nothing of it is visible, or `open` will tell that all of it
  /// is.
  /// @param log what `change_log_writer` wrote
  virtual result<void> publish(uint64_t epoch, std::string_view log) = 0;
  /// Where the other side ends after an `open` or `publish` that went well: a short text in the
  /// output's own words, which the ledger keeps for `recorded`. That of an `open` is on the disk
  /// before `publish` is called. Empty: the other side's marker says all.
  virtual std::string position() const { return {}; }
  /// Whether the last error can never mend by retrying (fenced, forbidden): the sentence says what
  /// a person must do.
  virtual bool fatal() const = 0;
  /// How it is doing meanwhile, also within `open` and `publish`. A reason that stays is shown.
  virtual component_status status() const = 0;
  virtual void interrupt() noexcept = 0;
};

} // namespace keyfold
