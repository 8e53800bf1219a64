#include "features/windows/bucket_windows_view.hpp"

/// The state as bytes: flags, the ends of the next window, of the last one fired and of the last
/// one published, the hash of its values, the columns carried; then the buckets, each by its
/// distance from the one before, with its newest event time and its aggregates.
namespace keyfold::windows {

namespace {

enum flags : uint8_t { has_next = 1, has_last = 2, has_carried = 4, all_flags = 7 };

/// Numbers of buckets that events of the years 1 to 9999 can have, and more.
bool is_bucket(int64_t number) noexcept {
  return number > step_grid::none_complete / 2 && number < step_grid::all_complete / 2;
}

} // namespace

void bucket_windows::encode(const state_type& own, byte_writer& out) const {
  auto next = own.next_end != step_grid::all_complete;
  auto last = own.last_end != step_grid::none_complete;
  out.u8(static_cast<uint8_t>((next ? has_next : 0) | (last ? has_last : 0)
                              | (own.carried ? has_carried : 0)));
  if (next)
    out.signed_varint(own.next_end);
  if (last) {
    out.signed_varint(own.last_end);
    out.u64(own.published_hash);
  }
  if (own.carried)
    out.text(*own.carried);
  const auto& buckets = own.buckets;
  out.varint(buckets.size());
  int64_t before = 0;
  for (uint32_t i = 0; i < buckets.size(); ++i) {
    out.signed_varint(buckets.number(i) - before);
    before = buckets.number(i);
    out.signed_varint((buckets.newest(i) - grid_.start(before)).count());
    set_->encode(buckets.aggregates(i), out);
  }
}

std::unique_ptr<bucket_windows_state> bucket_windows::decode(byte_reader& in, arena&) const {
  auto state = std::make_unique<state_type>(set_);
  auto flags = in.u8();
  if ((flags & ~all_flags) != 0)
    return nullptr;
  if ((flags & has_next) != 0)
    state->next_end = in.signed_varint();
  if ((flags & has_last) != 0) {
    state->last_end = in.signed_varint();
    state->published_hash = in.u64();
  }
  if (((flags & has_next) != 0 && !is_bucket(state->next_end))
      || ((flags & has_last) != 0 && !is_bucket(state->last_end)))
    return nullptr;
  if ((flags & has_carried) != 0) {
    state->carried = std::make_unique<std::string>(in.text());
    if (!is_packed(*state->carried, rows_.emissions().first(settings_.carry.size())))
      return nullptr;
  }
  auto& buckets = state->buckets;
  auto size = in.varint();
  int64_t number = 0;
  for (uint64_t i = 0; i < size; ++i) {
    auto distance = in.signed_varint();
    auto after = in.signed_varint();
    if (!in.good() || !is_bucket(distance) || !is_bucket(after) || (i > 0 && distance <= 0))
      return nullptr;
    number += distance;
    if (!is_bucket(number) || i >= settings_.max_buckets_per_key)
      return nullptr;
    auto place = static_cast<uint32_t>(i);
    auto lowest = std::numeric_limits<int64_t>::min() / 4 / settings_.step.count();
    if (number < lowest || number > -lowest)
      return nullptr;
    buckets.insert(place, number);
    buckets.note(place, grid_.start(number) + duration{after});
    if (!set_->decode(buckets.aggregates(place), in))
      return nullptr;
  }
  if (!in.good() || (size > 0 && state->next_end == step_grid::all_complete))
    return nullptr;
  auto farthest = std::numeric_limits<int64_t>::max() / 4 / settings_.step.count();
  if ((flags & has_next) != 0 && (state->next_end > farthest || state->next_end < -farthest))
    return nullptr;
  if ((flags & has_last) != 0)
    state->fired = buckets.place_of(state->last_end + 1);
  return state;
}

} // namespace keyfold::windows
