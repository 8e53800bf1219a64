#pragma once

#include "connectors/file/epoch_marker.hpp"
#include "connectors/formats/change_lines.hpp"
#include "messages/event_output.hpp"
#include "messages/metrics.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace keyfold {

/// When a part of an output ends. All 0: there is one file.
struct file_rotation {
  uint64_t size = 0;                  ///< with the line that reaches it
  std::chrono::milliseconds every{0}; ///< with the first epoch so long after it was begun
  uint32_t keep = 0;                  ///< parts, the newest; 0: all

  bool wanted() const noexcept { return size > 0 || every.count() > 0; }
};

struct file_output_settings {
  std::string name; ///< of the output, for messages and metrics
  std::string path;
  row_format format = row_format::json;
  std::vector<change_columns> columns; ///< by `change::source`
  row_style style = {};
  bool header = true; ///< of CSV: each file begins with the names of the columns
  bool sync = true;   ///< an epoch is on the disk when it counts as published
  file_rotation rotate = {};
  std::function<std::chrono::system_clock::time_point()> now = &std::chrono::system_clock::now;
};

/// Appends changes to a file, a line each (see `change_lines`), or to parts of a certain size or
/// age. Exactly once: a marker beside them says which epoch is the last whole one, and where it
/// ends; `open` cuts off what follows. It is replaced as a whole when all of an epoch is written,
/// so that after a crash at any moment it covers an epoch entirely or not at all. A reader who must
/// not see an unfinished epoch reads up to the marker's length; parts before the marker's are
/// complete and never change.
///
/// The ledger keeps the marker's contents as the output's position. So files that lost what they
/// had are noticed, and the marker need not be on the disk: after a power failure the newer of the
/// two counts.
///
/// One program at a time: `<path>.lock` is locked while the output is open. A file with contents
/// but without a marker was not written by this output; it is refused, not appended to.
class file_output final : public event_output {
public:
  file_output(file_output_settings settings, const std::shared_ptr<metrics_registry>& metrics);
  ~file_output() override;

  void recorded(uint64_t epoch, const std::string& position) override {
    known_ = read_position(epoch, position, settings_.path);
  }
  result<uint64_t> open() override;
  result<void> publish(uint64_t epoch, std::string_view log) override;
  std::string position() const override { return position_text(marker_, settings_.path); }
  bool fatal() const override { return fatal_; }
  component_status status() const override;
  void interrupt() noexcept override {}

private:
  result<uint64_t> open_files();
  result<void> take_lock();
  result<void> find_end();
  result<void> begin_output();
  result<void> go_on(const epoch_marker& marker, std::string_view says);
  result<void> go_on_as_known();
  result<uint64_t> open_part(uint32_t number, int flags);
  result<void> write_epoch(uint64_t epoch, std::string_view log);
  result<void> write_changes(uint64_t epoch, std::string_view log);
  result<void> commit(uint64_t epoch);
  result<void> next_part();
  result<void> flush();
  result<void> sync();
  result<void> mark(const epoch_marker& marker, bool durable);
  bool is_full() const;
  bool is_old() const;
  uint64_t length() const noexcept;
  bool has_rows() const;
  std::chrono::sys_seconds now() const;
  void close() noexcept;
  tl::unexpected<error> refuse(std::string message);
  tl::unexpected<error> system_failure(std::string_view what) const;
  template <class T>
  result<T> report(result<T> outcome);

  file_output_settings settings_;
  change_lines lines_;
  int lock_ = -1;
  int descriptor_ = -1; ///< of the part that is written to
  std::string part_path_;
  std::optional<epoch_marker> known_; ///< to the ledger
  epoch_marker marker_;
  epoch_marker written_; ///< as the marker will be: what no marker covers yet is included
  std::string buffer_;   ///< what comes next in the part
  bool fatal_ = false;
  prometheus::Counter& parts_;
  prometheus::Counter& removed_parts_;
  mutable std::mutex status_mutex_;
  component_status status_{false, "not opened yet"};
};

} // namespace keyfold
