#include "publishing.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <stdexcept>
#include <thread>

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

publishing::publishing(const output_settings& settings)
    : publishing(settings, std::make_shared<metrics_registry>()) {}

publishing::publishing(const output_settings& settings, std::shared_ptr<metrics_registry> metrics)
    : output_publishing(make_s2_output(settings, metrics), metrics) {}

void publishing::upsert(const std::string& user, int64_t count, const std::string& note) {
  std::array key{cell::string(user)};
  std::array values{cell::integer(count), cell::string(note)};
  event_time at{std::chrono::milliseconds{1'700'000'000'000 + count}};
  append({0, false, at, key, values});
}

void publishing::upserts(int64_t first, int64_t count, const std::string& note) {
  for (auto n = first; n < first + count; ++n)
    upsert(fmt::format("u{}", n), n, note);
}

int publishing::insist(uint64_t epoch, const std::string& log) {
  constexpr int most = 50;
  for (int attempt = 1; attempt <= most; ++attempt) {
    if (target().publish(epoch, log))
      return attempt;
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
    auto marker = target().open();
    if (marker && *marker >= epoch)
      return attempt;
    if (target().fatal())
      break;
  }
  throw std::runtime_error{"the epoch could not be published"};
}

} // namespace keyfold::s2::test
