#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>
#include <string>
#include <sys/types.h>

namespace keyfold {

/// What a path leads to, and the state of it: another one after every write, replacement or change
/// of rights.
struct file_state {
  bool exists = false;
  dev_t device = 0;
  ino_t inode = 0;
  int64_t size = 0;
  int64_t modified_ns = 0;
  int64_t changed_ns = 0; ///< as `modified_ns`, and not to be set by programs that copy files

  friend bool operator==(const file_state&, const file_state&) = default;
};

/// Links are followed.
file_state state_of(const std::string& path);
file_state state_of(int descriptor);

/// Wakes a thread when something happens to a path, by watching its directory (inotify). What it
/// cannot see, a network file system or what a link leads to, needs a look now and then besides.
class file_watch {
public:
  explicit file_watch(const std::string& path);
  file_watch(const file_watch&) = delete;
  file_watch& operator=(const file_watch&) = delete;
  ~file_watch();

  /// Sleeps for `patience`, until something happened to the path, or until `interrupt`.
  void wait(std::chrono::milliseconds patience);
  /// From any thread, also before `wait`.
  void interrupt() noexcept;

private:
  bool drain();

  std::string name_; // in its directory
  int events_ = -1;  // -1: only sleeps
  int interrupted_ = -1;
};

} // namespace keyfold
