#pragma once

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <string>

namespace keyfold {

/// Names the calling thread, for `top -H` and debuggers; cut to the 15 bytes that Linux keeps.
inline void name_this_thread(const std::string& name) {
  constexpr size_t most = 15;
  pthread_setname_np(pthread_self(), name.substr(0, most).c_str());
}

/// Lets the calling thread yield to those that answer reads where the processor is short: Linux
/// keeps niceness per thread.
inline void give_way_to_reads() {
  constexpr int niceness = 5;
  setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), niceness);
}

} // namespace keyfold
