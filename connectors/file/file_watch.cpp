#include "connectors/file/file_watch.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

namespace keyfold {

namespace {

int64_t nanoseconds(const timespec& x) {
  return int64_t{x.tv_sec} * 1'000'000'000 + x.tv_nsec;
}

file_state state_of(const struct stat& x) {
  return {true, x.st_dev, x.st_ino, x.st_size, nanoseconds(x.st_mtim), nanoseconds(x.st_ctim)};
}

} // namespace

file_state state_of(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? state_of(info) : file_state{};
}

file_state state_of(int descriptor) {
  struct stat info {};
  return ::fstat(descriptor, &info) == 0 ? state_of(info) : file_state{};
}

file_watch::file_watch(const std::string& path) {
  std::filesystem::path whole{path};
  name_ = whole.filename().native();
  auto folder = whole.has_parent_path() ? whole.parent_path().native() : std::string{"."};
  interrupted_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  events_ = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  // Not IN_MODIFY: the directory may be one in which a database is written all the time.
  constexpr auto mask =
      IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB;
  if (events_ >= 0 && ::inotify_add_watch(events_, folder.c_str(), mask) < 0) {
    ::close(events_);
    events_ = -1;
  }
}

file_watch::~file_watch() {
  for (auto descriptor : {events_, interrupted_})
    if (descriptor >= 0)
      ::close(descriptor);
}

void file_watch::wait(std::chrono::milliseconds patience) {
  using clock = std::chrono::steady_clock;
  auto until = clock::now() + patience;
  while (true) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(until - clock::now()).count();
    if (left <= 0)
      return;
    pollfd watched[] = {{interrupted_, POLLIN, 0}, {events_, POLLIN, 0}};
    auto ready = ::poll(watched, 2, static_cast<int>(std::min<int64_t>(left, 60'000)));
    if (ready > 0 && watched[0].revents != 0) {
      uint64_t count = 0;
      [[maybe_unused]] auto size = ::read(interrupted_, &count, sizeof count);
      return;
    }
    if (ready > 0 && drain())
      return;
  }
}

/// Takes the events that there are; whether one is about the path.
bool file_watch::drain() {
  alignas(inotify_event) char buffer[4096];
  auto found = false;
  while (true) {
    auto size = ::read(events_, buffer, sizeof buffer);
    if (size <= 0)
      return found;
    for (auto* at = buffer; at < buffer + size;) {
      inotify_event event;
      std::memcpy(&event, at, sizeof event);
      const auto* name = at + sizeof event;
      found = found || (event.mask & IN_Q_OVERFLOW) != 0 || (event.len != 0 && name_ == name);
      at += sizeof event + event.len;
    }
  }
}

void file_watch::interrupt() noexcept {
  uint64_t one = 1;
  [[maybe_unused]] auto size = ::write(interrupted_, &one, sizeof one);
}

} // namespace keyfold
