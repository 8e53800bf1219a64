#include "reading.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace keyfold::s2::test {

std::shared_ptr<const stream_schema> test_schema(bool with_time) {
  auto out = std::make_shared<stream_schema>();
  out->name = "events";
  out->time.idle_after = std::chrono::milliseconds{1000};
  stream_field number;
  number.name = "n";
  number.type = *parse_data_type("int64");
  number.path = {"n"};
  number.nullable = false;
  stream_field at;
  at.name = "at";
  at.type = *parse_data_type("timestamp");
  at.path = {"at"};
  at.unit = timestamp_unit::seconds;
  out->fields = {number, at};
  if (with_time)
    out->time.field = 1;
  return out;
}

plain_record test_record(int64_t n) {
  plain_record out;
  out.body = fmt::format(R"({{"n":{},"at":{}}})", n, 1'700'000'000 + n);
  return out;
}

std::vector<plain_record> test_records(int64_t from, int64_t count) {
  std::vector<plain_record> out;
  for (auto n = from; n < from + count; ++n)
    out.push_back(test_record(n));
  return out;
}

source_settings test_settings(const std::string& prefix, const std::string& url) {
  source_settings out;
  out.basin = test_basin(url);
  out.prefix = prefix;
  out.discover_every = std::chrono::milliseconds{200};
  return out;
}

reading::reading(source_settings settings, const source_positions& from,
                 std::shared_ptr<const stream_schema> schema)
    : positions(from) {
  auto made = make_s2_source(std::move(settings), std::move(schema), registry);
  if (!made)
    throw std::runtime_error{made.error().message};
  source_ = std::move(*made);
  if (auto begun = source_->start(from); !begun)
    throw std::runtime_error{begun.error().message};
}

reading::~reading() {
  source_->stop();
}

void reading::poll() {
  auto got = source_->poll(max_rows, std::chrono::milliseconds{20});
  if (!got) {
    error = got.error().message;
    return;
  }
  if (got->events)
    for (size_t i = 0; i < got->events->size(); ++i) {
      numbers.push_back(got->events->row(i)[0].as_integer());
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

bool reading::until(const std::function<bool()>& done, int seconds) {
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{seconds};
  while (!done()) {
    if (std::chrono::steady_clock::now() >= deadline || !error.empty())
      return false;
    poll();
  }
  return true;
}

bool reading::rows(size_t count, int seconds) {
  if (!until([&] { return numbers.size() >= count; }, seconds))
    return false;
  during(std::chrono::milliseconds{60});
  return numbers.size() == count;
}

void reading::during(std::chrono::milliseconds time) {
  auto deadline = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < deadline)
    poll();
}

double reading::metric(const std::string& name) const {
  double out = 0;
  for (const auto& family : registry->Collect())
    if (family.name == name)
      for (const auto& one : family.metric)
        out += one.counter.value + one.gauge.value;
  return out;
}

} // namespace keyfold::s2::test
