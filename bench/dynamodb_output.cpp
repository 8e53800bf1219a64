// The DynamoDB output beside a bare client: one that has the same batches ready as text and only
// sends them, as many at once, signed by nobody, which DynamoDB Local does not mind. Usage:
// bench_dynamodb_output URL ROWS ROUNDS
#include "connectors/dynamodb/dynamodb_output.hpp"
#include "connectors/http_client/http_pool.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using namespace keyfold;
using clock_type = std::chrono::steady_clock;

constexpr int64_t batch_rows = 25;
constexpr size_t in_flight = 8;
constexpr std::string_view note =
    "what was searched for last, some hundred bytes of a row as it is";

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "bench_dynamodb_output: %s\n", why.c_str());
  std::exit(1);
}

template <class T>
T must(result<T> x) {
  if (!x)
    give_up(x.error().message);
  return std::move(*x);
}

std::string key_of(int64_t n) {
  return fmt::format("user-{}", n);
}

/// The changes of an epoch, as the ledger keeps them.
std::string log_of(int64_t rows) {
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

/// The same rows as the body of each request.
std::vector<std::string> batches_of(const std::string& table, int64_t rows) {
  std::vector<std::string> out;
  for (int64_t n = 0; n < rows; ++n) {
    if (n % batch_rows == 0)
      out.push_back(fmt::format(R"({{"RequestItems":{{"{}":[)", table));
    out.back() += fmt::format(
        R"({}{{"PutRequest":{{"Item":{{"user":{{"S":"{}"}},"count":{{"N":"{}"}},"note":{{"S":"{}"}}}}}}}})",
        n % batch_rows == 0 ? "" : ",", key_of(n), n, note);
  }
  for (auto& x : out)
    x += "]}}";
  return out;
}

dynamodb::output_settings settings_of(const std::string& url, const std::string& table) {
  dynamodb::output_settings out;
  out.name = "bench";
  out.connection.region = "us-east-1";
  out.connection.endpoint = url;
  out.connection.credentials.where = dynamodb::credential_settings::from::given;
  out.connection.credentials.keys = {"bench", "secret", ""};
  out.table = table;
  out.create_table = true;
  out.item.partition_key = "user";
  out.max_in_flight = in_flight;
  out.columns = {"bench",
                 {{"user", *parse_data_type("string")}},
                 {{"count", *parse_data_type("int64")}, {"note", *parse_data_type("string")}}};
  return out;
}

/// @param log null: only the table is made
double seconds_of_output(const std::string& url, const std::string& table, const std::string* log) {
  auto output = must(dynamodb::make_dynamodb_output(settings_of(url, table),
                                                    std::make_shared<prometheus::Registry>(),
                                                    std::make_shared<dead_letter_queue>()));
  must(output->open());
  auto begun = clock_type::now();
  if (log != nullptr)
    if (auto done = output->publish(1, *log); !done)
      give_up(done.error().message);
  return std::chrono::duration<double>(clock_type::now() - begun).count();
}

double seconds_of_client(const std::string& url, const std::string& table, int64_t rows) {
  seconds_of_output(url, table, nullptr);
  auto batches = batches_of(table, rows);
  http_pool pool{{}, in_flight};
  auto begun = clock_type::now();
  for (size_t next = 0; next < batches.size() || pool.running() > 0;) {
    while (next < batches.size() && !pool.full())
      pool.start(next,
                 {"POST",
                  url,
                  {"Content-Type: application/x-amz-json-1.0",
                   "X-Amz-Target: DynamoDB_20120810.BatchWriteItem", "X-Amz-Date: 20240101T000000Z",
                   "Authorization: AWS4-HMAC-SHA256 "
                   "Credential=bench/20240101/us-east-1/dynamodb/aws4_request, "
                   "SignedHeaders=host;x-amz-date, Signature=0"},
                  batches[next++]});
    for (auto& x : pool.wait(std::chrono::seconds{10}))
      if (auto answer = must(std::move(x.answer)); answer.status != 200)
        give_up(answer.body);
  }
  return std::chrono::duration<double>(clock_type::now() - begun).count();
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 4)
    give_up("usage: bench_dynamodb_output URL ROWS ROUNDS");
  const std::string url = argv[1];
  auto rows = std::atoll(argv[2]);
  auto rounds = std::atoi(argv[3]);
  auto log = log_of(rows);
  auto rate = [&](double seconds) { return static_cast<double>(rows) / seconds; };
  // The server's code is compiled while it runs: the first round counts for nobody.
  seconds_of_client(url, "warm-up", rows);
  std::vector<double> ratios;
  auto best_output = 0.0;
  auto best_client = 0.0;
  for (int round = 0; round < rounds; ++round) {
    auto client = rate(seconds_of_client(url, fmt::format("client-{}", round), rows));
    auto output = rate(seconds_of_output(url, fmt::format("output-{}", round), &log));
    std::printf("round %d: output %.0f rows/s, bare client %.0f rows/s, %.2f of it\n", round + 1,
                output, client, output / client);
    ratios.push_back(output / client);
    best_output = std::max(best_output, output);
    best_client = std::max(best_client, client);
  }
  std::sort(ratios.begin(), ratios.end());
  std::printf(R"({"rows_per_s": %.0f, "client_rows_per_s": %.0f, "ratio": %.3f})"
              "\n",
              best_output, best_client, ratios[ratios.size() / 2]);
}
