#include "connectors/file/file_output.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace keyfold {

namespace {

constexpr size_t write_bytes = 1u << 20;

} // namespace

file_output::file_output(file_output_settings settings)
    : settings_(std::move(settings)), lines_(settings_.format, settings_.columns, settings_.style) {
}

file_output::~file_output() {
  close();
}

void file_output::close() noexcept {
  if (descriptor_ >= 0)
    ::close(descriptor_);
  descriptor_ = -1;
}

tl::unexpected<error> file_output::refuse(std::string message) {
  fatal_ = true;
  return fail(fmt::format("output `{}`: {}", settings_.name, message));
}

tl::unexpected<error> file_output::system_failure(std::string_view what) const {
  auto why = std::generic_category().message(errno);
  return fail(
      fmt::format("output `{}`: cannot {} `{}`: {}", settings_.name, what, settings_.path, why));
}

template <class T>
result<T> file_output::report(result<T> outcome) {
  std::lock_guard guard{status_mutex_};
  status_ = outcome ? component_status{} : component_status{false, outcome.error().message};
  return outcome;
}

result<uint64_t> file_output::open() {
  return report(open_file());
}

result<uint64_t> file_output::open_file() {
  close();
  fatal_ = false;
  descriptor_ = ::open(settings_.path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor_ < 0)
    return system_failure("open");
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0)
    return errno == EWOULDBLOCK
               ? fail(fmt::format("output `{}`: `{}` is being written by another program",
                                  settings_.name, settings_.path))
               : system_failure("lock");
  struct stat info {};
  if (::fstat(descriptor_, &info) != 0)
    return system_failure("look at");
  auto size = static_cast<uint64_t>(info.st_size);
  auto marker = read_marker(settings_.path);
  if (!marker)
    return refuse(marker.error().message);
  if (!*marker) {
    if (auto begun = begin_file(size); !begun)
      return tl::unexpected{std::move(begun).error()};
    return uint64_t{0};
  }
  marker_ = **marker;
  if (size < marker_.length)
    return refuse(fmt::format("`{}` has {} bytes, but its marker says that {} were written: it was "
                              "cut; restore it, or move it and `{}` away to begin a new one",
                              settings_.path, size, marker_.length, marker_path(settings_.path)));
  if (::ftruncate(descriptor_, static_cast<off_t>(marker_.length)) != 0
      || ::lseek(descriptor_, 0, SEEK_END) < 0)
    return system_failure("cut");
  written_ = marker_.length;
  return marker_.epoch;
}

result<void> file_output::begin_file(uint64_t size) {
  // The marker exists before the first byte does, so bytes without one are somebody else's.
  if (size > 0)
    return refuse(fmt::format("`{}` has contents but no marker `{}`: it was not written by this "
                              "output; move it away or choose another path",
                              settings_.path, marker_path(settings_.path)));
  marker_ = {};
  written_ = 0;
  if (auto marked = write_marker(settings_.path, marker_); !marked)
    return fail(fmt::format("output `{}`: {}", settings_.name, marked.error().message));
  return {};
}

result<void> file_output::publish(uint64_t epoch, std::string_view log) {
  auto published = write_changes(epoch, log);
  // What an epoch that failed has left in the file, the next `open` cuts off.
  if (!published)
    close();
  return report(std::move(published));
}

result<void> file_output::write_changes(uint64_t epoch, std::string_view log) {
  if (descriptor_ < 0)
    return fail(fmt::format("output `{}`: `{}` is not open", settings_.name, settings_.path));
  if (epoch <= marker_.epoch)
    return refuse(fmt::format("epoch {} cannot follow epoch {}, which `{}` holds already: is the "
                              "ledger older than the file?",
                              epoch, marker_.epoch, settings_.path));
  buffer_.clear();
  if (written_ == 0)
    buffer_ = lines_.header();
  change_log_reader changes{log};
  change x;
  while (changes.next(x)) {
    if (!lines_.append(x, buffer_))
      return refuse(
          fmt::format("a change of epoch {} does not fit the columns of this definition", epoch));
    if (buffer_.size() >= write_bytes) {
      if (auto written = write_all(buffer_); !written)
        return written;
      buffer_.clear();
    }
  }
  if (!changes.good())
    return refuse(fmt::format("the ledger's changes of epoch {} are malformed", epoch));
  if (auto written = write_all(buffer_); !written)
    return written;
  if (::fdatasync(descriptor_) != 0)
    return system_failure("write");
  epoch_marker next{epoch, written_};
  if (auto marked = write_marker(settings_.path, next); !marked)
    return fail(fmt::format("output `{}`: {}", settings_.name, marked.error().message));
  marker_ = next;
  return {};
}

result<void> file_output::write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    auto count = ::write(descriptor_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return system_failure("write");
    bytes.remove_prefix(static_cast<size_t>(count));
    written_ += static_cast<uint64_t>(count);
  }
  return {};
}

component_status file_output::status() const {
  std::lock_guard guard{status_mutex_};
  return status_;
}

void file_output::interrupt() noexcept {}

} // namespace keyfold
