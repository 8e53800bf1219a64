#include "source_reading.hpp"

#include <stdexcept>
#include <utility>

namespace keyfold::testing {

stream_field number_field() {
  stream_field out;
  out.name = "n";
  out.type = *parse_data_type("int64");
  out.path = {"n"};
  out.nullable = false;
  return out;
}

stream_field time_field() {
  stream_field out;
  out.name = "at";
  out.type = *parse_data_type("timestamp");
  out.path = {"at"};
  out.unit = timestamp_unit::seconds;
  return out;
}

source_reading::source_reading(result<std::unique_ptr<event_source>> source, source_positions from,
                               std::shared_ptr<metrics_registry> metrics, size_t number_column,
                               std::chrono::milliseconds patience)
    : registry(std::move(metrics)), positions(std::move(from)), number_column_(number_column),
      patience_(patience) {
  if (!source)
    throw std::runtime_error{source.error().message};
  source_ = std::move(*source);
  if (auto begun = source_->start(positions); !begun)
    throw std::runtime_error{begun.error().message};
}

source_reading::~source_reading() {
  source_->stop();
}

void source_reading::poll() {
  auto got = source_->poll(max_rows, patience_);
  if (!got) {
    error = got.error().message;
    return;
  }
  if (got->events)
    for (size_t i = 0; i < got->events->size(); ++i) {
      numbers.push_back(got->events->row(i)[number_column_].as_integer());
      times.push_back(got->events->time(i));
    }
  for (auto& x : got->progress)
    positions[x.partition] = x;
  revoked.insert(got->revoked.begin(), got->revoked.end());
  unread = {got->unread.begin(), got->unread.end()};
  for (auto& x : got->dead_letters)
    dead_letters.push_back(std::move(x));
  records += got->records;
  filtered += got->filtered;
}

bool source_reading::until(const std::function<bool()>& done, int seconds) {
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{seconds};
  while (!done()) {
    if (std::chrono::steady_clock::now() >= deadline || !error.empty())
      return false;
    poll();
  }
  return true;
}

bool source_reading::rows(size_t count, int seconds) {
  if (!until([&] { return numbers.size() >= count; }, seconds))
    return false;
  during(4 * patience_);
  return numbers.size() == count;
}

void source_reading::during(std::chrono::milliseconds time) {
  auto deadline = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < deadline)
    poll();
}

} // namespace keyfold::testing
