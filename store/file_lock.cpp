#include "store/file_lock.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace keyfold::store {

file_lock::~file_lock() {
  if (descriptor_ >= 0)
    ::close(descriptor_);
}

ledger_result<file_lock> file_lock::take(const std::string& path) {
  auto name = path + ".lock";
  file_lock lock;
  lock.descriptor_ = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock.descriptor_ < 0)
    return tl::unexpected(ledger_error{
        fmt::format(
            "ledger \"{}\": its lock file \"{}\" cannot be opened ({}): let this user write "
            "there, or name another path",
            path, name, std::strerror(errno)),
        errno == ENOSPC});
  if (::flock(lock.descriptor_, LOCK_EX | LOCK_NB) != 0) {
    char owner[32] = {};
    auto size = ::pread(lock.descriptor_, owner, sizeof owner - 1, 0);
    std::string pid{owner, static_cast<size_t>(size > 0 ? size : 0)};
    while (!pid.empty() && (pid.back() < '0' || pid.back() > '9'))
      pid.pop_back();
    return tl::unexpected(ledger_error{fmt::format(
        "ledger \"{}\" is in use by process {}: stop that one first, or name another path", path,
        pid.empty() ? "(unknown)" : pid)});
  }
  auto pid = fmt::format("{}\n", ::getpid());
  // The number only serves the message to a second opener: failing to write it must not stop the
  // owner of a full disk from starting.
  if (::ftruncate(lock.descriptor_, 0) == 0
      && ::pwrite(lock.descriptor_, pid.data(), pid.size(), 0) < 0)
    errno = 0;
  return lock;
}

} // namespace keyfold::store
