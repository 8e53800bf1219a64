#include "http/service.hpp"

namespace keyfold::http {

bool connection_limits::enter(const std::string& address) {
  std::lock_guard guard{mutex_};
  if (open_ >= most_)
    return false;
  auto& count = per_address_[address];
  if (count >= most_per_address_)
    return false;
  ++count;
  ++open_;
  return true;
}

void connection_limits::leave(const std::string& address) {
  std::lock_guard guard{mutex_};
  --open_;
  auto i = per_address_.find(address);
  if (i != per_address_.end() && --i->second == 0)
    per_address_.erase(i);
}

} // namespace keyfold::http
