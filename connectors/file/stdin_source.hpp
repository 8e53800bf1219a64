#pragma once

#include "connectors/file/line_reader.hpp"
#include "connectors/formats/record_decoder.hpp"
#include "messages/event_source.hpp"

#include <memory>
#include <string>

namespace keyfold {

/// Reads the lines of a pipe, usually standard input. Its only partition is `stdin`, a position
/// counts lines of all runs together. A pipe cannot be read again: what was read but not committed
/// when the program died is lost, so events count at most once.
class stdin_source final : public event_source {
public:
  /// An error when settings and schema do not fit.
  /// @param descriptor read from, not closed
  static result<std::unique_ptr<event_source>> make(std::shared_ptr<const stream_schema> schema,
                                                    const record_format_settings& format,
                                                    int descriptor = 0);
  stdin_source(std::shared_ptr<const stream_schema> schema, std::unique_ptr<record_decoder> decoder,
               int descriptor);
  ~stdin_source() override;

  result<void> start(const source_positions& positions) override;
  result<source_poll> poll(size_t max_rows, std::chrono::milliseconds timeout) override;
  std::vector<std::string> partitions() const override;
  void committed(uint64_t epoch, const source_positions& positions) override;
  component_status status() const override;
  void interrupt() noexcept override;
  void stop() override;

private:
  result<bool> wait_readable(std::chrono::milliseconds timeout);

  std::unique_ptr<record_decoder> decoder_;
  event_batch_builder rows_;
  int descriptor_;
  int interrupt_descriptor_ = -1; ///< an eventfd
  bool header_wanted_;
  line_reader lines_;
  uint64_t line_number_ = 0; ///< of this run, for messages
  partition_progress progress_;
};

} // namespace keyfold
