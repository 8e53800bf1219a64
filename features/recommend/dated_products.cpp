#include "features/recommend/dated_products.hpp"

#include <algorithm>
#include <tuple>

namespace keyfold::recommending {

namespace {

bool before(const dated_product& a, const dated_product& b) noexcept {
  return std::tie(a.at, a.product) < std::tie(b.at, b.product);
}

} // namespace

template <class Storage>
void dated_list<Storage>::make_room(size_t count) {
  auto wanted = all_.size() + count;
  if (wanted > all_.capacity())
    all_.reserve(std::max(wanted, all_.size() + all_.size() / 2));
}

template <class Storage>
void dated_list<Storage>::insert(const dated_product& x) {
  auto to = all_.end();
  if (!all_.empty() && before(x, all_.back()))
    to = std::upper_bound(all_.begin(), all_.end(), x, before);
  all_.insert(to, x);
  note_newest();
}

template <class Storage>
void dated_list<Storage>::renew(const dated_product& x) {
  auto same = [&](const auto& known) { return known.product == x.product; };
  auto known = std::find_if(all_.begin(), all_.end(), same);
  if (known != all_.end()) {
    if (known->at >= x.at)
      return;
    all_.erase(known);
  }
  insert(x);
}

template <class Storage>
void dated_list<Storage>::erase_front(size_t count) {
  if (count == all_.size()) {
    std::destroy_at(&all_); // which gives the memory back; assigning would not always
    std::construct_at(&all_);
  } else {
    all_.erase(all_.begin(), all_.begin() + static_cast<ptrdiff_t>(count));
  }
  note_newest();
}

template <class Storage>
size_t dated_list<Storage>::erase_until(event_time at) {
  if (all_.empty() || all_.front().at > at)
    return 0;
  auto end = std::upper_bound(all_.begin(), all_.end(), at,
                              [](auto time, const auto& x) { return time < x.at; });
  auto count = static_cast<size_t>(end - all_.begin());
  erase_front(count);
  return count;
}

template <class Storage>
void dated_list<Storage>::encode(byte_writer& out) const {
  out.varint(all_.size());
  for (const auto& x : all_) {
    out.u64(x.product);
    out.time(x.at);
  }
}

template <class Storage>
bool dated_list<Storage>::decode(byte_reader& in) {
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

template <class Storage>
size_t dated_list<Storage>::memory() const noexcept {
  auto inside = all_.capacity() == Storage{}.capacity();
  return inside ? 0 : all_.capacity() * sizeof(dated_product);
}

template class dated_list<compact_vector<dated_product>>;
template class dated_list<boost::container::small_vector<dated_product, 1>>;

} // namespace keyfold::recommending
