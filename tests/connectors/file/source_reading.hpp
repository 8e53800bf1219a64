#pragma once

#include "../formats/decoding.hpp"

#include "messages/event_source.hpp"

#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace keyfold::testing {

/// All that a source brought, as one.
struct everything {
  std::vector<std::string> names; ///< first column of each row
  std::vector<dead_letter> dead_letters;
  source_positions positions;
  uint64_t records = 0;
  uint64_t filtered = 0;
  size_t polls = 0;
  size_t largest = 0; ///< records of one poll

  void add(const source_poll& polled) {
    ++polls;
    largest = std::max(largest, static_cast<size_t>(polled.records));
    records += polled.records;
    filtered += polled.filtered;
    for (size_t i = 0; polled.events && i < polled.events->size(); ++i)
      names.emplace_back(polled.events->row(i)[0].as_text());
    dead_letters.insert(dead_letters.end(), polled.dead_letters.begin(), polled.dead_letters.end());
    for (auto& x : polled.progress)
      positions[x.partition] = x;
  }
  bool ended() const {
    return !positions.empty() && std::all_of(positions.begin(), positions.end(), [](auto& x) {
      return x.second.ended;
    });
  }
};

/// Rows of a name and a time in seconds.
inline std::shared_ptr<stream_schema> named_events() {
  auto schema = schema_of({field("n", "string"), timestamp_field("t", timestamp_unit::seconds)});
  schema->time.field = 1;
  return schema;
}

inline std::string event_line(const std::string& name, int64_t seconds) {
  return "{\"n\":\"" + name + "\",\"t\":" + std::to_string(seconds) + "}\n";
}

inline event_time at_second(int64_t seconds) {
  return event_time{std::chrono::seconds{seconds}};
}

/// An interrupt ends a poll that waits. @pre the source has been started, and brings nothing
inline void check_interrupt(event_source& source) {
  using namespace std::chrono_literals;
  std::thread interrupter{[&] {
    std::this_thread::sleep_for(20ms);
    source.interrupt();
  }};
  auto before = std::chrono::steady_clock::now();
  CHECK(source.poll(10, 20s)->records == 0);
  CHECK(std::chrono::steady_clock::now() - before < 10s);
  interrupter.join();
}

} // namespace keyfold::testing
