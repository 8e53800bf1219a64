#pragma once

#include "messages/change_log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

/// What the programs have in common that measure an output beside a bare client: the rows, and
/// the rounds.
namespace keyfold::bench {

[[noreturn]] inline void give_up(const std::string& why) {
  std::fprintf(stderr, "%s: %s\n", program_invocation_short_name, why.c_str());
  std::exit(1);
}

template <class T>
T must(result<T> x) {
  if (!x)
    give_up(x.error().message);
  return std::move(*x);
}

/// Row `n` is (user: `key_of(n)`) → (count: n, note: `note`).
inline std::string key_of(int64_t n) {
  return fmt::format("user-{}", n);
}
inline constexpr std::string_view note =
    "what was searched for last, some hundred bytes of a row as it is";

inline change_columns columns() {
  return {"bench",
          {{"user", *parse_data_type("string")}},
          {{"count", *parse_data_type("int64")}, {"note", *parse_data_type("string")}}};
}

/// The changes of an epoch of so many rows, as the ledger keeps them.
inline std::string log_of(int64_t rows) {
  std::string out;
  change_log_writer writer{out};
  for (int64_t n = 0; n < rows; ++n) {
    auto user = key_of(n);
    std::array key{cell::string(user)};
    std::array values{cell::integer(n), cell::string(note)};
    writer.append({0, false, beginning_of_time, key, values});
  }
  return out;
}

using clock_type = std::chrono::steady_clock;

inline double seconds_since(clock_type::time_point begun) {
  return std::chrono::duration<double>(clock_type::now() - begun).count();
}

/// Rounds of client and output in turns, each printed. Returns a JSON object: their best rates,
/// and the ratio of the middle round.
/// @param output the seconds that the rows take in a round
/// @param name before each line; may be empty
inline std::string compare(int64_t rows, int rounds, const std::function<double(int)>& output,
                           const std::function<double(int)>& client, const std::string& name = "") {
  std::vector<double> ratios;
  double best_output = 0;
  double best_client = 0;
  for (int round = 0; round < rounds; ++round) {
    auto theirs = static_cast<double>(rows) / client(round);
    auto ours = static_cast<double>(rows) / output(round);
    std::printf("%sround %d: output %.0f rows/s, bare client %.0f rows/s, %.2f of it\n",
                name.empty() ? "" : (name + ", ").c_str(), round + 1, ours, theirs, ours / theirs);
    ratios.push_back(ours / theirs);
    best_output = std::max(best_output, ours);
    best_client = std::max(best_client, theirs);
  }
  if (ratios.empty())
    give_up("at least one round is needed");
  std::sort(ratios.begin(), ratios.end());
  return fmt::format(R"({{"rows_per_s": {:.0f}, "client_rows_per_s": {:.0f}, "ratio": {:.3f}}})",
                     best_output, best_client, ratios[ratios.size() / 2]);
}

} // namespace keyfold::bench
