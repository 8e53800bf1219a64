#include "features/recommend/dated_products.hpp"

#include <algorithm>
#include <tuple>

namespace keyfold::recommending {

namespace {

bool before(const dated_product& a, const dated_product& b) noexcept {
  return std::tie(a.at, a.product) < std::tie(b.at, b.product);
}

} // namespace

void dated_products::insert(const dated_product& x) {
  auto to = all_.end();
  if (!all_.empty() && before(x, all_.back()))
    to = std::upper_bound(all_.begin(), all_.end(), x, before);
  all_.insert(to, x);
  note_newest();
}

void dated_products::renew(const dated_product& x) {
  auto same = [&](const auto& known) { return known.product == x.product; };
  auto known = std::find_if(all_.begin(), all_.end(), same);
  if (known != all_.end()) {
    if (known->at >= x.at)
      return;
    all_.erase(known);
  }
  insert(x);
}

void dated_products::erase_front(size_t count) {
  if (count == all_.size())
    all_ = {};
  else
    all_.erase(all_.begin(), all_.begin() + static_cast<ptrdiff_t>(count));
  note_newest();
}

size_t dated_products::erase_until(event_time at) {
  if (all_.empty() || all_.front().at > at)
    return 0;
  auto end = std::upper_bound(all_.begin(), all_.end(), at,
                              [](auto time, const auto& x) { return time < x.at; });
  auto count = static_cast<size_t>(end - all_.begin());
  erase_front(count);
  return count;
}

void dated_products::encode(byte_writer& out) const {
  out.varint(all_.size());
  for (const auto& x : all_) {
    out.u64(x.product);
    out.time(x.at);
  }
}

bool dated_products::decode(byte_reader& in) {
  auto size = in.varint();
  for (uint64_t i = 0; i < size; ++i) {
    dated_product x{in.u64(), in.time()};
    auto known = x.at != beginning_of_time && x.at != end_of_time;
    if (!in.good() || !known || (!all_.empty() && before(x, all_.back())))
      return false;
    all_.push_back(x);
  }
  note_newest();
  return in.good();
}

} // namespace keyfold::recommending
