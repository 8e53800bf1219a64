#include "connectors/file/file_output.hpp"

#include "connectors/file/part_files.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace keyfold {

namespace {

constexpr size_t write_bytes = 1u << 20;

void close_descriptor(int& x) noexcept {
  if (x >= 0)
    ::close(x);
  x = -1;
}

} // namespace

file_output::file_output(file_output_settings settings,
                         const std::shared_ptr<metrics_registry>& metrics)
    : settings_(std::move(settings)), lines_(settings_.format, settings_.columns, settings_.style),
      parts_(make_counter(*metrics, "keyfold_file_output_parts_total",
                          "Parts begun after the first one, as committed.",
                          {{"output", settings_.name}})),
      removed_parts_(make_counter(*metrics, "keyfold_file_output_removed_parts_total",
                                  "Parts removed, since so many newer ones were to be kept.",
                                  {{"output", settings_.name}})) {}

file_output::~file_output() {
  close();
}

void file_output::close() noexcept {
  close_descriptor(descriptor_);
  close_descriptor(lock_);
}

tl::unexpected<error> file_output::refuse(std::string message) {
  fatal_ = true;
  return fail(fmt::format("output `{}`: {}", settings_.name, message));
}

tl::unexpected<error> file_output::system_failure(std::string_view what) const {
  auto why = std::generic_category().message(errno);
  return fail(
      fmt::format("output `{}`: cannot {} `{}`: {}", settings_.name, what, part_path_, why));
}

template <class T>
result<T> file_output::report(result<T> outcome) {
  // What an epoch that failed has left in the files, the next `open` cuts off.
  if (!outcome)
    close();
  std::lock_guard guard{status_mutex_};
  status_ = outcome ? component_status{} : component_status{false, outcome.error().message};
  return outcome;
}

result<uint64_t> file_output::open() {
  return report(open_files());
}

result<uint64_t> file_output::open_files() {
  close();
  fatal_ = false;
  if (auto locked = take_lock(); !locked)
    return tl::unexpected{locked.error()};
  if (auto ready = find_end(); !ready)
    return tl::unexpected{ready.error()};
  return marker_.epoch;
}

/// The newer of what the marker and the ledger say counts.
result<void> file_output::find_end() {
  auto marker = read_marker(settings_.path);
  if (marker && *marker && (!known_ || (*marker)->epoch >= known_->epoch))
    return go_on(**marker, "its marker");
  if (known_)
    return go_on_as_known();
  if (!marker)
    return refuse(marker.error().message);
  return begin_output();
}

/// The lock has a file of its own, since parts come and go.
result<void> file_output::take_lock() {
  part_path_ = settings_.path + ".lock";
  lock_ = ::open(part_path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (lock_ < 0)
    return system_failure("open");
  if (::flock(lock_, LOCK_EX | LOCK_NB) == 0)
    return {};
  if (errno != EWOULDBLOCK)
    return system_failure("lock");
  return fail(fmt::format("output `{}`: `{}` is being written by another program", settings_.name,
                          settings_.path));
}

/// Opens a part for writing; its size.
result<uint64_t> file_output::open_part(uint32_t number, int flags) {
  close_descriptor(descriptor_);
  part_path_ = part_path(settings_.path, number);
  descriptor_ = ::open(part_path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);
  if (descriptor_ < 0)
    return system_failure("open");
  struct stat info {};
  if (::fstat(descriptor_, &info) != 0)
    return system_failure("look at");
  return static_cast<uint64_t>(info.st_size);
}

result<void> file_output::begin_output() {
  uint32_t first = settings_.rotate.wanted() ? 1 : 0;
  auto size = open_part(first, 0);
  if (!size)
    return tl::unexpected{size.error()};
  // The marker exists before the first byte does, so bytes without one are somebody else's.
  if (*size > 0)
    return refuse(fmt::format("`{}` has contents but no marker `{}`: it was not written by this "
                              "output; move it away or choose another path",
                              part_path_, marker_path(settings_.path)));
  written_ = {0, 0, first, now()};
  buffer_ = settings_.header ? lines_.header() : "";
  return mark(written_, true);
}

/// The marker is missing, older than what the ledger noted, or malformed. After a power failure
/// that is in order, but the bytes must be there.
result<void> file_output::go_on_as_known() {
  auto path = part_path(settings_.path, known_->part);
  if (known_->length > 0 && ::access(path.c_str(), F_OK) != 0)
    return refuse(fmt::format("`{}` is missing, but the ledger says that {} bytes of it were "
                              "written by epoch {}: restore it, or choose another path to begin a "
                              "new one",
                              path, known_->length, known_->epoch));
  if (auto gone_on = go_on(*known_, "the ledger"); !gone_on)
    return gone_on;
  spdlog::warn("output {}: `{}` is missing, older than the ledger, or malformed: going on behind "
               "the {} bytes that the ledger noted in epoch {}",
               settings_.name, marker_path(settings_.path), known_->length, known_->epoch);
  return mark(*known_, true);
}

/// Goes on behind `marker`: what was written after it is cut off.
/// @param says who says so
result<void> file_output::go_on(const epoch_marker& marker, std::string_view says) {
  if (settings_.rotate.wanted() || marker.part > 0)
    remove_parts_after(settings_.path, marker.part);
  auto size = open_part(marker.part, 0);
  if (!size)
    return tl::unexpected{size.error()};
  if (*size < marker.length)
    return refuse(fmt::format("`{}` has {} bytes, but {} says that {} were written by epoch {}: it "
                              "was cut, or replaced by an older one; restore it with `{}`, or "
                              "choose another path to begin a new one",
                              part_path_, *size, says, marker.length, marker.epoch,
                              marker_path(settings_.path)));
  if (::ftruncate(descriptor_, static_cast<off_t>(marker.length)) != 0
      || ::lseek(descriptor_, 0, SEEK_END) < 0)
    return system_failure("cut");
  marker_ = written_ = marker;
  buffer_ = settings_.header && written_.length == 0 ? lines_.header() : "";
  return {};
}

result<void> file_output::publish(uint64_t epoch, std::string_view log) {
  return report(write_epoch(epoch, log));
}

result<void> file_output::write_epoch(uint64_t epoch, std::string_view log) {
  if (descriptor_ < 0)
    return fail(fmt::format("output `{}`: `{}` is not open", settings_.name, settings_.path));
  if (epoch <= marker_.epoch)
    return refuse(fmt::format("epoch {} cannot follow epoch {}, which `{}` holds already: is the "
                              "ledger older than the file?",
                              epoch, marker_.epoch, settings_.path));
  if (is_old())
    if (auto turned = next_part(); !turned)
      return turned;
  if (auto written = write_changes(epoch, log); !written)
    return written;
  return commit(epoch);
}

result<void> file_output::write_changes(uint64_t epoch, std::string_view log) {
  change_log_reader changes{log};
  change x;
  while (changes.next(x)) {
    if (is_full())
      if (auto turned = next_part(); !turned)
        return turned;
    if (!lines_.append(x, buffer_))
      return refuse(
          fmt::format("a change of epoch {} does not fit the columns of this definition", epoch));
    if (buffer_.size() >= write_bytes)
      if (auto written = flush(); !written)
        return written;
  }
  if (!changes.good())
    return refuse(fmt::format("the ledger's changes of epoch {} are malformed", epoch));
  return {};
}

/// The epoch is published from the moment that the marker says so.
result<void> file_output::commit(uint64_t epoch) {
  if (auto written = flush(); !written)
    return written;
  if (auto synced = sync(); !synced)
    return synced;
  auto next = written_;
  next.epoch = epoch;
  auto begun = next.part - marker_.part;
  // The ledger knows an epoch that the next power failure may take from the marker. Parts that
  // were begun have to be found in the folder.
  if (auto marked = mark(next, begun > 0); !marked)
    return marked;
  parts_.Increment(begun);
  if (begun > 0 && settings_.rotate.keep > 0 && next.part >= settings_.rotate.keep)
    removed_parts_.Increment(
        remove_parts_before(settings_.path, next.part - settings_.rotate.keep + 1));
  return {};
}

result<void> file_output::mark(const epoch_marker& marker, bool durable) {
  if (auto marked = write_marker(settings_.path, marker, durable && settings_.sync); !marked)
    return fail(fmt::format("output `{}`: {}", settings_.name, marked.error().message));
  marker_ = written_ = marker;
  return {};
}

/// Ends the part, and goes on in a new one. Until the marker follows, `open` would go back.
result<void> file_output::next_part() {
  if (auto written = flush(); !written)
    return written;
  if (auto synced = sync(); !synced)
    return synced;
  if (auto size = open_part(written_.part + 1, O_TRUNC); !size)
    return tl::unexpected{size.error()};
  written_ = {marker_.epoch, 0, written_.part + 1, now()};
  if (settings_.header)
    buffer_ = lines_.header();
  return {};
}

bool file_output::is_full() const {
  return settings_.rotate.size > 0 && length() >= settings_.rotate.size && has_rows();
}

bool file_output::is_old() const {
  return settings_.rotate.every.count() > 0
         && settings_.now() - written_.begun >= settings_.rotate.every && has_rows();
}

/// Of the part, with what is still to be written to it.
uint64_t file_output::length() const noexcept {
  return written_.length + buffer_.size();
}

bool file_output::has_rows() const {
  return length() > (settings_.header ? lines_.header().size() : 0);
}

std::chrono::sys_seconds file_output::now() const {
  return std::chrono::floor<std::chrono::seconds>(settings_.now());
}

result<void> file_output::flush() {
  std::string_view bytes = buffer_;
  while (!bytes.empty()) {
    auto count = ::write(descriptor_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return system_failure("write");
    bytes.remove_prefix(static_cast<size_t>(count));
    written_.length += static_cast<uint64_t>(count);
  }
  buffer_.clear();
  return {};
}

result<void> file_output::sync() {
  if (settings_.sync && ::fdatasync(descriptor_) != 0)
    return system_failure("write");
  return {};
}

component_status file_output::status() const {
  std::lock_guard guard{status_mutex_};
  return status_;
}

} // namespace keyfold
