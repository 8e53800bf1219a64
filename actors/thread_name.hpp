#pragma once

#include <pthread.h>

#include <string>

namespace keyfold {

/// Names the calling thread, for `top -H` and debuggers; cut to the 15 bytes that Linux keeps.
inline void name_this_thread(const std::string& name) {
  constexpr size_t most = 15;
  pthread_setname_np(pthread_self(), name.substr(0, most).c_str());
}

} // namespace keyfold
