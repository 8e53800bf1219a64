// The DynamoDB output beside a bare client: one that has the same batches ready as text and only
// sends them, as many at once, signed by nobody, which DynamoDB Local does not mind. Usage:
// bench_dynamodb_output URL ROWS ROUNDS
#include "output_comparison.hpp"

#include "connectors/dynamodb/dynamodb_output.hpp"
#include "connectors/http_client/http_pool.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using namespace keyfold;
using namespace keyfold::bench;

constexpr int64_t batch_rows = 25;
constexpr size_t in_flight = 8;

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
  out.columns = columns();
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
  return seconds_since(begun);
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
  return seconds_since(begun);
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 4)
    give_up("usage: bench_dynamodb_output URL ROWS ROUNDS");
  const std::string url = argv[1];
  auto rows = std::atoll(argv[2]);
  auto rounds = std::atoi(argv[3]);
  auto log = log_of(rows);
  // The server's code is compiled while it runs: the first round counts for nobody.
  seconds_of_client(url, "warm-up", rows);
  auto result = compare(
      rows, rounds,
      [&](int round) { return seconds_of_output(url, fmt::format("output-{}", round), &log); },
      [&](int round) { return seconds_of_client(url, fmt::format("client-{}", round), rows); });
  std::puts(result.c_str());
}
