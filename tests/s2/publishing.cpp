#include "publishing.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <utility>

namespace keyfold::s2::test {

output_settings test_output(const std::string& url) {
  output_settings out;
  out.name = "counters";
  out.basin = test_basin(url);
  out.stream = unique("out");
  out.transactional_id = "test-counters";
  out.columns = {{"counters",
                  {{"user", *parse_data_type("string")}},
                  {{"count", *parse_data_type("int64")}, {"note", *parse_data_type("string")}}}};
  return out;
}

publishing::publishing(const output_settings& settings) {
  auto made = make_s2_output(settings, registry_);
  if (!made)
    throw std::runtime_error{made.error().message};
  target_ = std::move(*made);
}

uint64_t publishing::open() {
  auto opened = target_->open();
  if (!opened)
    throw std::runtime_error{opened.error().message};
  return *opened;
}

void publishing::upsert(const std::string& user, int64_t count, const std::string& note) {
  std::array key{cell::string(user)};
  std::array values{cell::integer(count), cell::string(note)};
  event_time at{std::chrono::milliseconds{1'700'000'000'000 + count}};
  change_log_writer{log_}.append({0, false, at, key, values});
}

void publishing::erase(const std::string& user) {
  std::array key{cell::string(user)};
  change_log_writer{log_}.append({0, true, beginning_of_time, key, {}});
}

void publishing::upserts(int64_t first, int64_t count, const std::string& note) {
  for (auto n = first; n < first + count; ++n)
    upsert(fmt::format("u{}", n), n, note);
}

std::string publishing::take() {
  return std::exchange(log_, {});
}

std::string publishing::publish(uint64_t epoch) {
  auto done = target_->publish(epoch, take());
  return done ? "" : done.error().message;
}

int publishing::insist(uint64_t epoch, const std::string& log) {
  constexpr int most = 50;
  for (int attempt = 1; attempt <= most; ++attempt) {
    if (target_->publish(epoch, log))
      return attempt;
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
    auto marker = target_->open();
    if (marker && *marker >= epoch)
      return attempt;
    if (target_->fatal())
      break;
  }
  throw std::runtime_error{"the epoch could not be published"};
}

double publishing::metric(const std::string& name) const {
  double out = 0;
  for (const auto& family : registry_->Collect())
    if (family.name == name)
      for (const auto& one : family.metric)
        out += one.counter.value;
  return out;
}

} // namespace keyfold::s2::test
