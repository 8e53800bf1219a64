#include "connectors/file/stdin_source.hpp"

#include "connectors/file/record_batch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <sys/eventfd.h>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace keyfold {

result<std::unique_ptr<event_source>>
stdin_source::make(std::shared_ptr<const stream_schema> schema,
                   const record_format_settings& format, int descriptor) {
  auto decoder = make_record_decoder(schema, format);
  if (!decoder)
    return tl::unexpected{std::move(decoder).error()};
  return std::make_unique<stdin_source>(std::move(schema), *std::move(decoder), descriptor);
}

stdin_source::stdin_source(std::shared_ptr<const stream_schema> schema,
                           std::unique_ptr<record_decoder> decoder, int descriptor)
    : decoder_(std::move(decoder)), rows_(std::move(schema), 4096), descriptor_(descriptor),
      interrupt_descriptor_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      header_wanted_(decoder_->wants_header()) {
  progress_.partition = "stdin";
}

stdin_source::~stdin_source() {
  if (interrupt_descriptor_ >= 0)
    ::close(interrupt_descriptor_);
}

result<void> stdin_source::start(const source_positions& positions) {
  if (auto known = positions.find(progress_.partition); known != positions.end())
    progress_ = known->second;
  progress_.ended = false;
  lines_.begin_stream(descriptor_);
  return {};
}

result<bool> stdin_source::wait_readable(std::chrono::milliseconds timeout) {
  pollfd waiting[] = {{descriptor_, POLLIN, 0}, {interrupt_descriptor_, POLLIN, 0}};
  auto count = ::poll(waiting, 2, static_cast<int>(std::min<int64_t>(timeout.count(), 60'000)));
  if (count < 0 && errno != EINTR)
    return fail(fmt::format("stream `{}`: cannot wait for standard input: {}", rows_.schema().name,
                            std::generic_category().message(errno)));
  if (count <= 0)
    return false;
  if (waiting[1].revents != 0) {
    uint64_t ignored = 0;
    [[maybe_unused]] auto cleared = ::read(interrupt_descriptor_, &ignored, sizeof ignored);
  }
  return waiting[0].revents != 0;
}

result<source_poll> stdin_source::poll(size_t max_rows, std::chrono::milliseconds timeout) {
  if (progress_.ended) {
    std::this_thread::sleep_for(std::min(timeout, std::chrono::milliseconds{20}));
    return source_poll{};
  }
  record_batch batch{*decoder_, rows_};
  auto before = line_number_;
  // Only the first line is waited for: after it, what is there is taken at once.
  for (; !batch.full(max_rows); timeout = std::chrono::milliseconds{0}) {
    if (!lines_.has_line()) {
      auto readable = wait_readable(timeout);
      if (!readable)
        return tl::unexpected{std::move(readable).error()};
      if (!*readable)
        break;
    }
    auto read = lines_.next(true);
    if (!read)
      return fail(fmt::format("stream `{}`: cannot read standard input: {}", rows_.schema().name,
                              read.error().message));
    if (*read == line_reader::outcome::none)
      continue;
    if (*read == line_reader::outcome::at_end) {
      progress_.ended = true;
      break;
    }
    ++line_number_;
    auto place = [&] { return fmt::format("stdin:{}", line_number_); };
    if (header_wanted_) {
      header_wanted_ = false;
      if (auto good = decoder_->read_header(lines_.text()); !good)
        return fail("stdin:1: " + good.error().message);
    } else if (*read == line_reader::outcome::too_long) {
      batch.refuse_whole(place(),
                         fmt::format("the line has more than the {} bytes allowed", max_line_bytes),
                         lines_.text());
    } else if (!lines_.text().empty()) {
      if (auto why = batch.add(lines_.text()))
        batch.refuse(place(), std::move(why->message), lines_.text());
    }
  }
  progress_.next += static_cast<int64_t>(line_number_ - before);
  progress_.max_time = std::max(progress_.max_time, batch.max_time());
  auto polled = batch.finish();
  if (line_number_ != before || progress_.ended)
    polled.progress.push_back(progress_);
  return polled;
}

std::vector<std::string> stdin_source::partitions() const {
  return {progress_.partition};
}

void stdin_source::committed(uint64_t, const source_positions&) {}

component_status stdin_source::status() const {
  return {};
}

void stdin_source::interrupt() noexcept {
  uint64_t one = 1;
  [[maybe_unused]] auto written = ::write(interrupt_descriptor_, &one, sizeof one);
}

void stdin_source::stop() {}

} // namespace keyfold
