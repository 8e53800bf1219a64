#include "windows_support.hpp"

#include <cmath>
#include <functional>
#include <set>

using namespace keyfold;
using namespace keyfold::windows_test;

/// Every kind of window beside an oracle that looks at all events at once. The oracle is written to
/// be read, not to be fast.
namespace {

__extension__ using quad = __float128;

const std::vector<aggregate_kind> functions{aggregate_kind::count,
                                            aggregate_kind::sum,
                                            aggregate_kind::avg,
                                            aggregate_kind::min,
                                            aggregate_kind::max,
                                            aggregate_kind::first_value,
                                            aggregate_kind::last_value,
                                            aggregate_kind::last_k,
                                            aggregate_kind::collect_list,
                                            aggregate_kind::count_distinct,
                                            aggregate_kind::approx_count_distinct};

std::string number(double x) {
  return shown(cell::real(x));
}

std::string list_of(const std::vector<double>& values) {
  std::string out;
  for (auto x : values)
    out += (out.empty() ? "" : ",") + number(x);
  return "[" + out + "]";
}

/// What an aggregate says of rows in the order of their times.
std::string naive(const aggregate_definition& of, std::vector<event> rows) {
  if (!of.where_text.empty())
    std::erase_if(rows, [](const auto& x) { return x.name != "a"; });
  if (of.spec.limit && rows.size() > *of.spec.limit)
    rows.erase(rows.begin(), rows.end() - *of.spec.limit);
  std::vector<double> values;
  for (const auto& x : rows)
    if (x.amount)
      values.push_back(*x.amount);
  using enum aggregate_kind;
  switch (of.spec.kind) {
  case count:
    return std::to_string(values.size());
  case count_distinct:
  case approx_count_distinct:
    return std::to_string(std::set<double>(values.begin(), values.end()).size());
  default:
    break;
  }
  if (values.empty())
    return of.spec.kind == sum && of.spec.zero_when_empty ? "0" : "null";
  quad total = 0;
  for (auto x : values)
    total += x;
  switch (of.spec.kind) {
  case sum:
    return number(static_cast<double>(total));
  case avg:
    return number(static_cast<double>(total / static_cast<quad>(values.size())));
  case min:
    return number(*std::min_element(values.begin(), values.end()));
  case max:
    return number(*std::max_element(values.begin(), values.end()));
  case first_value:
    return number(values.front());
  case last_value:
    return number(values.back());
  case last_k:
    return list_of(
        {values.end() - static_cast<ptrdiff_t>(std::min<size_t>(3, values.size())), values.end()});
  default:
    return list_of(values);
  }
}

aggregate_definition random_aggregate(size_t index, std::mt19937& random, bool zero) {
  auto out = aggregate("f" + std::to_string(index), functions[random() % functions.size()],
                       "amount", random() % 3 == 0 ? "name = 'a'" : "");
  out.spec.zero_when_empty = zero;
  if (random() % 4 == 0)
    out.spec.limit = 1 + random() % 4;
  return out;
}

std::string stamp(event_time at) {
  return "+" + std::to_string((at - start).count());
}

// ---- sliding windows

bucket_windows_settings random_sliding(std::mt19937& random) {
  bucket_windows_settings out;
  out.step = std::chrono::seconds{1 + random() % 5};
  for (size_t i = 0; i < 3; ++i)
    out.outputs.push_back({random_aggregate(i, random, true),
                           out.step * static_cast<int>(1 + random() % (i == 0 ? 40 : 6))});
  out.empty_window_output = random() % 3 != 0;
  out.skip_same_window_output = out.empty_window_output && random() % 2 == 0;
  return out;
}

std::vector<std::string> sliding_oracle(const bucket_windows_settings& x,
                                        const std::vector<event>& rows) {
  auto largest = duration{0};
  for (const auto& output : x.outputs)
    largest = std::max(largest, output.size);
  auto within = [&](event_time end, duration size) {
    std::vector<event> out;
    for (const auto& row : rows)
      if (row.at >= end - size && row.at < end)
        out.push_back(row);
    return out;
  };
  std::vector<std::string> out;
  std::string last;
  auto had = false;
  for (auto end = start; end <= rows.back().at + largest + 2 * x.step; end += x.step) {
    auto any = !within(end, largest).empty();
    if (!any && !had)
      continue;
    std::string line;
    for (const auto& output : x.outputs)
      line += " " + naive(output.aggregate, any ? within(end, output.size) : std::vector<event>{});
    if ((any || x.empty_window_output) && (!x.skip_same_window_output || line != last))
      out.push_back(stamp(end - 1ms) + line);
    last = any ? line : "";
    had = any;
  }
  return out;
}

// ---- rows

row_windows_settings random_rows(std::mt19937& random) {
  row_windows_settings out;
  out.peers = random() % 2 == 0;
  out.skip_same = random() % 3 == 0;
  for (size_t i = 0; i < 3; ++i) {
    out.outputs.push_back({random_aggregate(i, random, false), std::nullopt, std::nullopt});
    if (random() % 3 != 0)
      out.outputs.back().size = std::chrono::seconds{random() % 60};
    if (random() % 3 == 0)
      out.outputs.back().rows = 1 + random() % 30;
  }
  if (random() % 4 == 0)
    out.time_to_live = std::chrono::seconds{1 + random() % 20};
  return out;
}

std::vector<std::string> rows_oracle(const row_windows_settings& x,
                                     const std::vector<event>& rows) {
  std::vector<std::string> out;
  std::string last;
  size_t begin = 0; // of what has not been forgotten
  auto longest = duration{0};
  auto by_time = true;
  for (const auto& output : x.outputs) {
    longest = std::max(longest, output.size.value_or(duration{0}));
    by_time = by_time && output.size.has_value();
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    auto silence = i == 0 ? duration{0} : rows[i].at - rows[i - 1].at;
    if (x.time_to_live ? silence >= *x.time_to_live : by_time && silence > longest) {
      begin = i;
      last.clear();
      if (x.time_to_live)
        out.emplace_back("erased");
    }
    std::string line;
    for (const auto& output : x.outputs) {
      std::vector<event> frame;
      for (size_t j = begin; j <= i; ++j)
        if ((!output.size || rows[j].at >= rows[i].at - *output.size)
            && (!output.rows || i - j < *output.rows))
          frame.push_back(rows[j]);
      line += " " + naive(output.aggregate, frame);
    }
    if (!x.skip_same || line != last)
      out.push_back(stamp(rows[i].at) + line);
    last = line;
  }
  return out;
}

// ---- sessions

std::vector<std::string> sessions_oracle(const session_windows_settings& x,
                                         const std::vector<event>& rows) {
  std::vector<std::string> out;
  for (size_t begin = 0; begin < rows.size();) {
    auto end = begin + 1;
    while (end < rows.size() && rows[end].at - rows[end - 1].at <= x.gap)
      ++end;
    std::vector<event> session{rows.begin() + static_cast<ptrdiff_t>(begin),
                               rows.begin() + static_cast<ptrdiff_t>(end)};
    auto line = stamp(session.front().at) + " " + stamp(session.back().at);
    for (const auto& output : x.outputs)
      line += " " + naive(output, session);
    out.push_back(line);
    begin = end;
  }
  return out;
}

/// Tries a kind of view on random streams: the published lines are the oracle's, whatever the order
/// of arrival within the delay.
template <class Settings>
void try_streams(const std::function<Settings(std::mt19937&)>& random_settings,
                 const std::function<std::vector<std::string>(const Settings&,
                                                              const std::vector<event>&)>& oracle) {
  auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  for (int stream = 0; stream < streams_to_try(150); ++stream) {
    INFO("stream " << stream);
    auto settings = random_settings(random);
    auto count = 5 + static_cast<int>(random() % 50);
    auto rows = random_events(random, count, std::chrono::seconds{10 + random() % 150});
    auto expected = oracle(settings, rows);
    auto made = make(settings);
    for (int arrival = 0; arrival < 2; ++arrival) {
      key x{made};
      run(x, delayed(rows, 3s, random), 3s, random);
      auto got = x.published.lines;
      std::erase(got, "erased");
      auto wanted = expected;
      std::erase(wanted, "erased");
      REQUIRE(got == wanted);
      CHECK(x.counts.late == 0);
      CHECK(x.counts.rows == rows.size());
      CHECK(std::is_sorted(x.emitted.times.begin(), x.emitted.times.end()));
      CHECK(x.emitted.lines == got);
    }
  }
}

} // namespace

TEST_CASE("windows differential: sliding windows are what an oracle says") {
  try_streams<bucket_windows_settings>(random_sliding, sliding_oracle);
}

TEST_CASE("windows differential: frames of rows are what an oracle says") {
  try_streams<row_windows_settings>(random_rows, rows_oracle);
}

TEST_CASE("windows differential: sessions are what an oracle says") {
  try_streams<session_windows_settings>(
      [](std::mt19937& random) {
        session_windows_settings out;
        out.gap = std::chrono::milliseconds{500 + random() % 8000};
        for (size_t i = 0; i < 3; ++i)
          out.outputs.push_back(random_aggregate(i, random, false));
        return out;
      },
      sessions_oracle);
}
