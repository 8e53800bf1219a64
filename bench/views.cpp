#include "views/driver.hpp"

#include <fmt/format.h>
#include <mimalloc.h>

#include <cstdlib>
#include <ctime>
#include <new>
#include <string>
#include <string_view>

namespace keyfold::bench {

size_t allocations = 0;
bool counting_allocations = false;

} // namespace keyfold::bench

namespace {

void* counted(size_t size) {
  keyfold::bench::allocations += keyfold::bench::counting_allocations ? 1 : 0;
  return mi_new(size);
}

} // namespace

void* operator new(size_t size) {
  return counted(size);
}
void* operator new[](size_t size) {
  return counted(size);
}
void operator delete(void* x) noexcept {
  mi_free(x);
}
void operator delete[](void* x) noexcept {
  mi_free(x);
}
void operator delete(void* x, size_t) noexcept {
  mi_free(x);
}
void operator delete[](void* x, size_t) noexcept {
  mi_free(x);
}

namespace keyfold::bench {

namespace {

/// Of the processor, so that other programs of the machine count little.
double seconds_used() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

/// Runs one; prints a line for people, returns one for programs.
std::string measure(const scenario& x, size_t keys, size_t events) {
  batch_source batches{x, keys};
  driver all{**x.made, keys};
  allocations = 0;
  size_t rows = 0;
  auto used = 0.0; // by folding, not by making what is folded
  while (rows < events) {
    auto batch = batches.next();
    auto begun = seconds_used();
    all.fold(batch);
    used += seconds_used() - begun;
    rows += batch.rows.size();
  }
  auto rate = static_cast<double>(rows) / used;
  auto per_event = static_cast<double>(allocations) / static_cast<double>(rows);
  auto bytes = all.memory() / keys;
  fmt::print("{:<32} {:>7} {:>6.2f} {:>7.2f} {:>7} {:>9} {:>9}  {}\n", x.name, keys, rate / 1e6,
             per_event, bytes, all.sink.rows, all.counts.bound_reached, x.what);
  std::fflush(stdout);
  return fmt::format(
      R"("{}@{}":{{"events_per_s":{:.0f},"allocations_per_event":{:.3f},"bytes_per_key":{}}})",
      x.name, keys, rate, per_event, bytes);
}

/// @param wanted the beginning of the names of those to run
/// @param only the number of keys to run them with; 0: few and many
int run(size_t events, std::string_view wanted, size_t only) {
  fmt::print("{:<32} {:>7} {:>6} {:>7} {:>7} {:>9} {:>9}  {}\n", "view", "keys", "M ev/s",
             "alloc/ev", "B/key", "rows out", "at bounds", "what");
  std::string json;
  auto all = example_scenarios();
  for (auto& x : plain_scenarios())
    all.push_back(std::move(x));
  for (const auto& x : all) {
    if (!x.made) {
      fmt::print(stderr, "{}\n", x.made.error().message);
      return 1;
    }
    if (!std::string_view{x.name}.starts_with(wanted))
      continue;
    for (size_t keys : {1000, 100'000}) {
      if (only != 0 && keys != only)
        continue;
      if (!json.empty())
        json += ',';
      json += measure(x, keys, events);
    }
  }
  fmt::print("{{{}}}\n", json);
  return 0;
}

} // namespace

} // namespace keyfold::bench

int main(int count, char** arguments) {
  return keyfold::bench::run(count > 1 ? static_cast<size_t>(std::atoll(arguments[1])) : 4'000'000,
                             count > 2 ? arguments[2] : "",
                             count > 3 ? static_cast<size_t>(std::atoll(arguments[3])) : 0);
}
