#pragma once

#include "connectors/file/change_lines.hpp"
#include "connectors/file/epoch_marker.hpp"
#include "messages/event_output.hpp"

#include <mutex>
#include <string>
#include <vector>

namespace keyfold {

struct file_output_settings {
  std::string name; ///< of the output, for messages
  std::string path;
  row_format format = row_format::json;
  std::vector<change_columns> columns; ///< by `change::source`
  row_style style = {};
};

/// Appends changes to a file, a line each (see `change_lines`). Exactly once: a marker beside the
/// file says which epoch is the last whole one and where it ends, and `open` cuts off what follows.
/// A reader of the file who must not see an unfinished epoch reads up to the marker's length.
///
/// One program at a time: the file is locked while it is open. A file with contents but without a
/// marker was not written by this output; it is refused, not appended to.
class file_output final : public event_output {
public:
  explicit file_output(file_output_settings settings);
  ~file_output() override;

  result<uint64_t> open() override;
  result<void> publish(uint64_t epoch, std::string_view log) override;
  bool fatal() const override { return fatal_; }
  component_status status() const override;
  void interrupt() noexcept override;

private:
  result<uint64_t> open_file();
  result<void> begin_file(uint64_t size);
  result<void> write_changes(uint64_t epoch, std::string_view log);
  result<void> write_all(std::string_view bytes);
  void close() noexcept;
  tl::unexpected<error> refuse(std::string message);
  tl::unexpected<error> system_failure(std::string_view what) const;
  template <class T>
  result<T> report(result<T> outcome);

  file_output_settings settings_;
  change_lines lines_;
  int descriptor_ = -1;
  epoch_marker marker_;
  uint64_t written_ = 0; ///< length of the file, with what no marker covers yet
  std::string buffer_;
  bool fatal_ = false;
  mutable std::mutex status_mutex_;
  component_status status_{false, "not opened yet"};
};

} // namespace keyfold
