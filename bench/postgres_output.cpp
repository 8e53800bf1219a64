// The PostgreSQL output beside a bare client: one that has the same batches ready as arrays and
// only sends them, in a pipeline and in one transaction. Usage: bench_postgres_output URL PASSWORD
// ROWS ROUNDS
#include "output_comparison.hpp"

#include "connectors/postgres/postgres_output.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using namespace keyfold;
using namespace keyfold::bench;
using namespace keyfold::postgres;

constexpr int64_t batch_rows = 5000;

void must(PGresult* x) {
  if (PQresultStatus(x) != PGRES_COMMAND_OK && PQresultStatus(x) != PGRES_TUPLES_OK)
    give_up(PQresultErrorMessage(x));
  PQclear(x);
}

void append32(uint32_t x, std::string& out) {
  for (int shift = 24; shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(x >> shift));
}

/// An array of texts or of bigints in the binary format.
struct array {
  std::string bytes;
  array(uint32_t type, int64_t count) {
    for (auto x : {1u, 0u, type, static_cast<uint32_t>(count), 1u})
      append32(x, bytes);
  }
  void add(std::string_view x) {
    append32(static_cast<uint32_t>(x.size()), bytes);
    bytes += x;
  }
  void add(int64_t x) {
    append32(8, bytes);
    append32(static_cast<uint32_t>(x >> 32), bytes);
    append32(static_cast<uint32_t>(x), bytes);
  }
};

using batch = std::array<array, 3>;

std::vector<batch> batches_of(int64_t rows) {
  std::vector<batch> out;
  for (int64_t n = 0; n < rows; ++n) {
    if (n % batch_rows == 0) {
      auto count = std::min(batch_rows, rows - n);
      out.push_back({array{25, count}, array{20, count}, array{25, count}});
    }
    auto& [users, counts, notes] = out.back();
    users.add(std::string_view{key_of(n)});
    counts.add(n);
    notes.add(note);
  }
  return out;
}

struct place {
  std::string url;
  std::string password;
  int64_t rows;

  PGconn* connect() const {
    std::array names{"dbname", "password", static_cast<const char*>(nullptr)};
    std::array values{url.c_str(), password.c_str(), static_cast<const char*>(nullptr)};
    auto* made = PQconnectdbParams(names.data(), values.data(), 1);
    if (PQstatus(made) != CONNECTION_OK)
      give_up(PQerrorMessage(made));
    return made;
  }
  void make_table() const {
    auto* with = connect();
    must(PQexec(with, "SET client_min_messages = warning; DROP TABLE IF EXISTS bench; CREATE TABLE "
                      "bench (\"user\" text PRIMARY KEY, "
                      "count bigint, note text); DROP TABLE IF EXISTS keyfold_epochs; CHECKPOINT"));
    PQfinish(with);
  }
};

double seconds_of_output(const place& where, const std::string& log) {
  where.make_table();
  output_settings settings;
  settings.name = "bench";
  settings.pipeline = "bench";
  settings.connection = {where.url, where.password};
  settings.table = "bench";
  settings.batch_rows = static_cast<uint32_t>(batch_rows);
  settings.columns = columns();
  auto output = make_postgres_output(settings, std::make_shared<prometheus::Registry>(), nullptr);
  if (!output)
    give_up(output.error().message);
  if (auto opened = (*output)->open(); !opened)
    give_up(opened.error().message);
  auto begun = clock_type::now();
  if (auto done = (*output)->publish(1, log); !done)
    give_up(done.error().message);
  return seconds_since(begun);
}

void read_answers(PGconn* with) {
  for (auto ended = false; !ended;) {
    auto* x = PQgetResult(with);
    ended = x != nullptr && PQresultStatus(x) == PGRES_PIPELINE_SYNC;
    if (x != nullptr && !ended)
      must(x);
    else
      PQclear(x);
  }
}

double seconds_of_client(const place& where, const std::vector<batch>& batches) {
  where.make_table();
  auto* with = where.connect();
  must(PQprepare(with, "up",
                 "INSERT INTO bench SELECT * FROM unnest($1::text[], $2::int8[], $3::text[]) ON "
                 "CONFLICT (\"user\") DO UPDATE SET count = EXCLUDED.count, note = EXCLUDED.note",
                 0, nullptr));
  auto begun = clock_type::now();
  must(PQexec(with, "BEGIN"));
  PQenterPipelineMode(with);
  for (const auto& x : batches) {
    std::array values{x[0].bytes.data(), x[1].bytes.data(), x[2].bytes.data()};
    std::array lengths{static_cast<int>(x[0].bytes.size()), static_cast<int>(x[1].bytes.size()),
                       static_cast<int>(x[2].bytes.size())};
    std::array formats{1, 1, 1};
    if (PQsendQueryPrepared(with, "up", 3, values.data(), lengths.data(), formats.data(), 0) != 1)
      give_up(PQerrorMessage(with));
  }
  PQpipelineSync(with);
  read_answers(with);
  PQexitPipelineMode(with);
  must(PQexec(with, "COMMIT"));
  auto out = seconds_since(begun);
  PQfinish(with);
  return out;
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 5)
    give_up("usage: bench_postgres_output URL PASSWORD ROWS ROUNDS");
  place where{argv[1], argv[2], std::atoll(argv[3])};
  auto log = log_of(where.rows);
  auto batches = batches_of(where.rows);
  auto result = compare(
      where.rows, std::atoi(argv[4]), [&](int) { return seconds_of_output(where, log); },
      [&](int) { return seconds_of_client(where, batches); });
  std::puts(result.c_str());
}
