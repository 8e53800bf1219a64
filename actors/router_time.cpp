#include "actors/router.hpp"

#include "features/prefetch.hpp"

#include <algorithm>

/// Watermarks and timers of a router.
namespace keyfold {

/// What a timer is set to. Who emits must not be late itself: its timers are not rounded.
event_time router::timer_for(uint32_t entity, event_time wake_at) const {
  return table_->entities[entity].feeds ? wake_at
                                        : key_timers::rounded(wake_at, entity_watermarks_[entity]);
}

void router::arm(uint32_t entity, entity_actor& key, event_time wake_at) {
  if (wake_at >= key.timer_at)
    return;
  auto at = timer_for(entity, wake_at);
  if (at >= key.timer_at)
    return;
  key.timer_at = at;
  auto& timers = timers_[entity];
  timers.set(at, directory_hash(key.key()));
  if (timers.size() <= 2 * directories_[entity].size() + 4096)
    return;
  // Of each key one counts; the others would only pile up until their time has come.
  timers.clear();
  directories_[entity].for_each([&](uint64_t hash, const entity_actor& x) {
    if (x.timer_at != end_of_time)
      timers.set(x.timer_at, hash);
  });
}

/// The earliest time of several streams, leaving out the silent ones. When all are silent none
/// holds another back: the latest. Ended ones count only when all have ended.
template <class Time>
event_time router::slowest(const std::vector<uint32_t>& streams, Time time_of) const {
  auto of_active = end_of_time;
  auto of_silent = beginning_of_time;
  auto any_silent = false;
  for (auto stream : streams) {
    auto time = time_of(stream);
    if (!stream_silent_[stream]) {
      of_active = std::min(of_active, time);
    } else {
      any_silent = true;
      of_silent = std::max(of_silent, time);
    }
  }
  return of_active == end_of_time && any_silent ? of_silent : of_active;
}

void router::move_time(const routed_batch& batch) {
  auto reached = batch.watermark;
  if (const auto& derived = table_->derived_numbers[batch.stream])
    reached = flow_.hear(*derived, batch);
  auto& watermark = stream_watermarks_[batch.stream];
  auto& newest = stream_newest_[batch.stream];
  newest = std::max(newest, batch.newest);
  auto fell_silent = batch.silent && !stream_silent_[batch.stream];
  stream_silent_[batch.stream] = batch.silent;
  if (reached <= watermark && !fell_silent)
    return;
  watermark = std::max(watermark, reached);
  for (size_t entity = 0; entity < table_->entities.size(); ++entity) {
    const auto& routing = table_->entities[entity];
    for (size_t view = 0; view < view_watermarks_[entity].size(); ++view) {
      auto lowest = slowest(routing.view_streams[view],
                            [this](uint32_t stream) { return stream_watermarks_[stream]; });
      auto& known = view_watermarks_[entity][view];
      known = std::max(known, lowest); // a stream that speaks again may be behind it
      entity_watermarks_[entity] = std::max(entity_watermarks_[entity], lowest);
    }
  }
}

/// Lets the keys know of the time that has come; when they do, the readers of what they emit.
void router::wake_keys() {
  queue_due_keys();
  fetch_cold_due();
  pass_time_on();
}

/// Timers whose moment has come go before the rows that wait.
void router::queue_due_keys() {
  for (uint32_t entity = 0; entity < timers_.size(); ++entity) {
    if (!timers_[entity].any_due(entity_watermarks_[entity]))
      continue;
    work next;
    next.kind = work_kind::advance;
    next.entity = entity;
    take_due_keys(entity, next.keys);
    if (next.keys.empty())
      continue;
    next.credit = 1; // what it emits must not be under way while nothing seems to be
    gate_->admit(next.credit);
    ++advances_;
    queue_.push_front(std::move(next));
  }
}

void router::take_due_keys(uint32_t entity, std::vector<entity_actor*>& to) {
  constexpr size_t at_once = 128; // so many cache misses overlap
  struct due_key {
    event_time at;
    entity_actor* actor;
  };
  std::vector<due_key> due;
  auto take = [&] {
    for (const auto& x : due)
      if (x.actor->timer_at == x.at) {
        x.actor->timer_at = end_of_time;
        to.push_back(x.actor);
      }
    due.clear();
  };
  timers_[entity].take_due(entity_watermarks_[entity], [&](event_time at, uint64_t hash) {
    directories_[entity].for_hash(hash, [&](entity_actor& key) {
      prefetch_line(&key.state); // and the timer beside it
      due.push_back({at, &key});
      if (due.size() == at_once)
        take();
    });
  });
  take();
}

/// Tells the readers of derived streams how far this router's part has come, once all keys have
/// been told the time: what they emitted before is on its way already, ahead of this.
void router::pass_time_on() {
  if (advances_ != 0 || cold_loads_ != 0 || keys_wait_for_room())
    return;
  for (uint32_t i = 0; i < table_->derived.size(); ++i) {
    const auto& derived = table_->derived[i];
    auto watermark = view_watermarks_[derived.entity][derived.view];
    if (watermark <= told_[i])
      continue;
    told_[i] = watermark;
    auto newest = beginning_of_time;
    for (auto stream : table_->entities[derived.entity].view_streams[derived.view])
      newest = std::max(newest, stream_newest_[stream]);
    flow_.send_time(i, watermark, newest);
  }
}

event_time router::reading_time(uint32_t entity) const {
  return slowest(table_->entities[entity].input_streams, [this](uint32_t stream) {
    auto watermark = stream_watermarks_[stream];
    auto newest = stream_newest_[stream];
    return watermark == beginning_of_time ? newest : std::min(watermark, newest);
  });
}

} // namespace keyfold
