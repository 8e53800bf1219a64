#pragma once

#include "connectors/file/line_reader.hpp"
#include "connectors/file/wake_up.hpp"
#include "connectors/formats/record_decoder.hpp"
#include "messages/event_source.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

namespace keyfold {

class record_batch;

struct file_source_settings {
  std::shared_ptr<const stream_schema> schema;
  record_format_settings format;
  std::string path;    ///< a file, or a directory of files
  bool follow = false; ///< wait for more lines and, in a directory, for more files
};

/// Reads lines of a file, or of all files of a directory (not hidden ones, not folders in it). A
/// partition is a file, named by its path as given; a position is the byte offset of the next line.
///
/// Of several files the one whose event time is the furthest behind is read next, equal ones in the
/// order of their names: so files are merged by time as well as their own order allows, and the
/// watermark, the minimum over them, keeps moving. A file must only grow: one that is found shorter
/// than what was read of it, or replaced, is an error; one of a followed directory may be deleted
/// once it is read. Empty lines are no records.
class file_source final : public event_source {
public:
  /// Most files of a directory.
  static constexpr size_t max_files = 100'000;

  /// An error when settings and schema do not fit. Nothing is opened yet.
  static result<std::unique_ptr<event_source>> make(file_source_settings settings);
  file_source(file_source_settings settings, std::unique_ptr<record_decoder> decoder);
  ~file_source() override;

  result<void> start(const source_positions& positions) override;
  result<source_poll> poll(size_t max_rows, std::chrono::milliseconds timeout) override;
  std::vector<std::string> partitions() const override;
  void committed(uint64_t epoch, const source_positions& positions) override;
  component_status status() const override;
  void interrupt() noexcept override;
  void stop() override;

private:
  struct file {
    partition_progress progress; ///< its partition is the path
    dev_t device = 0;            ///< with `inode`: which file the path was when it was first seen
    ino_t inode = 0;
    int64_t size = 0;     ///< when last looked at
    bool drained = false; ///< followed, and nothing but the beginning of a line was left at `size`
    int64_t counted_to = 0;   ///< lines before this byte are counted
    int64_t lines_before = 0; ///< that many

    bool has_more() const noexcept { return !drained && progress.next < size; }
    bool readable(bool follow) const noexcept { return follow ? has_more() : !progress.ended; }
  };

  result<void> list_files();
  result<void> add_file(const std::string& path);
  result<void> look_at(file& x);
  result<file*> next_file();
  std::vector<std::string> unread() const;
  bool forget_if_gone(const file& x);
  result<void> open(file& x);
  void close();
  result<void> read_header(file& x);
  result<void> read_lines(file& x, size_t max_rows, record_batch& batch);
  std::string place_of_line(file& x, int64_t position);

  file_source_settings settings_;
  std::unique_ptr<record_decoder> decoder_;
  event_batch_builder rows_;
  source_positions known_; ///< positions of files not seen yet
  bool is_directory_ = false;
  std::vector<file> files_;       ///< in the order of their names
  std::vector<std::string> gone_; ///< files that were deleted after all of them was read
  std::string open_path_;         ///< of the file that `lines_` reads; empty: none
  int descriptor_ = -1;
  line_reader lines_;
  wake_up wake_;
};

} // namespace keyfold
