// The S2 output beside a bare client: one that has the same batches ready as text and only sends
// them, one after the other on one connection, each at the number that the answer before it named.
// Usage: bench_s2_output URL BASIN ROWS ROUNDS
#include "output_comparison.hpp"

#include "connectors/formats/base64.hpp"
#include "connectors/s2/answers.hpp"
#include "connectors/s2/requests.hpp"
#include "connectors/s2/s2_output.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using namespace keyfold;
using namespace keyfold::bench;

constexpr size_t batch_rows = 1000;

struct place {
  s2::basin_settings basin;
  int64_t rows;
};

/// The same rows as the records of each append.
std::vector<std::string> batches_of(int64_t rows) {
  std::vector<std::string> out;
  auto base64 = [](const std::string& text) {
    std::string encoded;
    append_base64(text, encoded);
    return encoded;
  };
  for (int64_t n = 0; n < rows; ++n) {
    if (n % static_cast<int64_t>(batch_rows) == 0)
      out.emplace_back();
    auto& to = out.back();
    to += fmt::format(R"({}{{"headers":[["{}","{}"],["{}","{}"]],"body":"{}"}})",
                      to.empty() ? "" : ",", base64("@key"),
                      base64(fmt::format(R"({{"user":"{}"}})", key_of(n))), base64("@action"),
                      base64("u"), base64(fmt::format(R"({{"count":{},"note":"{}"}})", n, note)));
  }
  return out;
}

double seconds_of_output(const place& where, const std::string& stream, const std::string& log) {
  s2::output_settings settings;
  settings.name = "bench";
  settings.basin = where.basin;
  settings.stream = stream;
  settings.transactional_id = "bench";
  settings.columns = {columns()};
  auto output = must(s2::make_s2_output(settings, std::make_shared<prometheus::Registry>()));
  must(output->open());
  auto begun = clock_type::now();
  if (auto done = output->publish(1, log); !done)
    give_up(done.error().message);
  return seconds_since(begun);
}

double seconds_of_client(const place& where, const std::string& stream,
                         const std::vector<std::string>& batches) {
  s2::basin_requests requests{where.basin};
  http_client client{where.basin.http};
  must(client.exchange(requests.create(stream)));
  auto begun = clock_type::now();
  int64_t next = 0;
  for (const auto& batch : batches) {
    auto body = fmt::format(R"({{"match_seq_num":{},"records":[{}]}})", next, batch);
    auto answer = must(client.exchange(requests.append(stream, std::move(body))));
    if (answer.status != 200)
      give_up(answer.body);
    next = must(s2::parse_position(answer.body, "end"));
  }
  return seconds_since(begun);
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 5)
    give_up("usage: bench_s2_output URL BASIN ROWS ROUNDS");
  spdlog::set_level(spdlog::level::err);
  place where;
  where.basin.endpoint = argv[1];
  where.basin.basin = argv[2];
  where.basin.http.proxies = false;
  where.rows = std::atoll(argv[3]);
  auto log = log_of(where.rows);
  auto batches = batches_of(where.rows);
  auto result = compare(
      where.rows, std::atoi(argv[4]),
      [&](int round) { return seconds_of_output(where, fmt::format("output-{}", round), log); },
      [&](int round) {
        return seconds_of_client(where, fmt::format("client-{}", round), batches);
      });
  std::puts(result.c_str());
}
