#include "connectors/file/line_reader.hpp"

#include "connectors/formats/record_decoder.hpp"

#include <cerrno>
#include <cstring>
#include <system_error>
#include <unistd.h>

namespace keyfold {

namespace {

constexpr size_t buffer_bytes = 2 * max_line_bytes;
static_assert(kept_line_bytes < max_line_bytes);

} // namespace

line_reader::line_reader() : buffer_(new char[buffer_bytes + record_padding]{}) {}

void line_reader::begin_at(int descriptor, int64_t position) {
  begin_stream(descriptor);
  positioned_ = true;
  position_ = position;
}

void line_reader::begin_stream(int descriptor) {
  begin_ = end_ = scanned_ = 0;
  skipped_ = 0;
  kept_.clear();
  descriptor_ = descriptor;
  positioned_ = false;
  position_ = 0;
}

bool line_reader::has_line() const noexcept {
  return std::memchr(buffer_.get() + begin_ + scanned_, '\n', end_ - begin_ - scanned_) != nullptr;
}

result<line_reader::outcome> line_reader::next(bool ends) {
  while (true) {
    auto* from = buffer_.get() + begin_;
    auto* found = std::memchr(from + scanned_, '\n', end_ - begin_ - scanned_);
    if (found) {
      auto length = static_cast<size_t>(static_cast<char*>(found) - from);
      return take(length, length + 1);
    }
    scanned_ = end_ - begin_;
    if (scanned_ > max_line_bytes || !kept_.empty())
      start_skipping();
    auto read = fill();
    if (!read)
      return tl::unexpected{std::move(read).error()};
    if (*read == 0)
      return ends ? take_rest() : outcome::none;
    // A pipe gives what it has: waiting for the rest of a line is the caller's.
    if (!positioned_ && !has_line())
      return outcome::none;
  }
}

result<size_t> line_reader::fill() {
  if (begin_ > 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  auto* to = buffer_.get() + end_;
  auto space = buffer_bytes - end_;
  while (true) {
    auto at = position_ + skipped_ + static_cast<int64_t>(end_);
    auto count = positioned_ ? ::pread(descriptor_, to, space, at) : ::read(descriptor_, to, space);
    if (count >= 0) {
      end_ += static_cast<size_t>(count);
      return static_cast<size_t>(count);
    }
    if (errno == EAGAIN)
      return size_t{0};
    if (errno != EINTR)
      return fail(std::generic_category().message(errno));
  }
}

line_reader::outcome line_reader::take(size_t length, size_t behind) {
  auto* from = buffer_.get() + begin_;
  auto first = position_ == 0;
  begin_ += behind;
  scanned_ = 0;
  position_ += skipped_ + static_cast<int64_t>(behind);
  skipped_ = 0;
  if (!kept_.empty() || length > max_line_bytes) {
    if (kept_.empty())
      kept_.assign(from, kept_line_bytes);
    skipped_text_.swap(kept_);
    kept_.clear();
    text_ = skipped_text_;
    return outcome::too_long;
  }
  if (length > 0 && from[length - 1] == '\r')
    --length;
  text_ = {from, length};
  if (first && text_.starts_with("\xef\xbb\xbf"))
    text_.remove_prefix(3);
  return outcome::line;
}

line_reader::outcome line_reader::take_rest() {
  if (end_ == begin_ && kept_.empty())
    return outcome::at_end;
  auto length = end_ - begin_;
  return take(length, length);
}

void line_reader::start_skipping() {
  if (kept_.empty())
    kept_.assign(buffer_.get() + begin_, kept_line_bytes);
  skipped_ += static_cast<int64_t>(end_ - begin_);
  begin_ = end_ = scanned_ = 0;
}

} // namespace keyfold
