// The outputs to SQLite and to files beside bare clients: programs that hold the same rows as plain
// values and write them in the same batches, as durably, with nothing but SQLite's or the system's
// calls. Usage: bench_local_outputs FOLDER ROWS ROUNDS
#include "connectors/file/file_output.hpp"
#include "connectors/sqlite/sqlite_output.hpp"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <sqlite3.h>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

using namespace keyfold;
using clock_type = std::chrono::steady_clock;

constexpr int64_t batch_rows = 10'000; // an epoch, a transaction
constexpr int64_t keys = 50'000;

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "bench_local_outputs: %s\n", why.c_str());
  std::exit(1);
}

template <class T>
T must(result<T> x) {
  if (!x)
    give_up(x.error().message);
  return std::move(*x);
}

struct row {
  std::string user;
  int64_t count;
  double score;
  std::string note;
};

std::vector<row> make_rows(int64_t count) {
  std::vector<row> out;
  for (int64_t n = 0; n < count; ++n)
    out.push_back({fmt::format("user-{}", n * 7919 % keys), n, static_cast<double>(n % 1000) / 8,
                   "what was searched for last"});
  return out;
}

change_columns columns() {
  return {"bench",
          {{"user", *parse_data_type("string")}},
          {{"count", *parse_data_type("int64")},
           {"score", *parse_data_type("double")},
           {"note", *parse_data_type("string")}}};
}

/// Each batch as the ledger keeps it.
std::vector<std::string> logs_of(const std::vector<row>& rows) {
  std::vector<std::string> out;
  for (size_t n = 0; n < rows.size(); ++n) {
    if (n % static_cast<size_t>(batch_rows) == 0)
      out.emplace_back();
    const auto& x = rows[n];
    std::array key{cell::string(x.user)};
    std::array values{cell::integer(x.count), cell::real(x.score), cell::string(x.note)};
    change_log_writer{out.back()}.append({0, false, beginning_of_time, key, values});
  }
  return out;
}

double seconds_of_output(event_output& output, const std::vector<std::string>& logs) {
  must(output.open());
  auto begun = clock_type::now();
  uint64_t epoch = 0;
  for (const auto& log : logs)
    if (auto done = output.publish(++epoch, log); !done)
      give_up(done.error().message);
  return std::chrono::duration<double>(clock_type::now() - begun).count();
}

double sqlite_output(const std::string& path, const std::vector<std::string>& logs) {
  sqlite::output_settings settings;
  settings.name = settings.pipeline = "bench";
  settings.path = path;
  settings.table = "bench";
  settings.columns = columns();
  auto output = must(sqlite::make_sqlite_output(settings, std::make_shared<dead_letter_queue>(),
                                                std::make_shared<metrics_registry>()));
  return seconds_of_output(*output, logs);
}

double files_output(const std::string& path, const std::vector<std::string>& logs) {
  file_output_settings settings;
  settings.name = "bench";
  settings.path = path;
  settings.columns = {columns()};
  file_output output{settings, std::make_shared<metrics_registry>()};
  return seconds_of_output(output, logs);
}

void run(sqlite3* on, const char* sql) {
  if (sqlite3_exec(on, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
    give_up(sqlite3_errmsg(on));
}

double sqlite_client(const std::string& path, const std::vector<row>& rows) {
  sqlite3* on = nullptr;
  sqlite3_open(path.c_str(), &on);
  run(on, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE bench (user TEXT, "
          "count INTEGER, score REAL, note TEXT, PRIMARY KEY (user)) WITHOUT ROWID");
  sqlite3_stmt* write = nullptr;
  sqlite3_prepare_v3(on,
                     "INSERT INTO bench VALUES (?1, ?2, ?3, ?4) ON CONFLICT (user) DO UPDATE SET "
                     "count = excluded.count, score = excluded.score, note = excluded.note",
                     -1, SQLITE_PREPARE_PERSISTENT, &write, nullptr);
  auto begun = clock_type::now();
  int64_t n = 0;
  for (const auto& x : rows) {
    if (n++ % batch_rows == 0)
      run(on, n == 1 ? "BEGIN IMMEDIATE" : "COMMIT; BEGIN IMMEDIATE");
    sqlite3_bind_text(write, 1, x.user.data(), static_cast<int>(x.user.size()), SQLITE_STATIC);
    sqlite3_bind_int64(write, 2, x.count);
    sqlite3_bind_double(write, 3, x.score);
    sqlite3_bind_text(write, 4, x.note.data(), static_cast<int>(x.note.size()), SQLITE_STATIC);
    if (sqlite3_step(write) != SQLITE_DONE)
      give_up(sqlite3_errmsg(on));
    sqlite3_reset(write);
  }
  run(on, "COMMIT");
  auto took = std::chrono::duration<double>(clock_type::now() - begun).count();
  sqlite3_finalize(write);
  sqlite3_close(on);
  return took;
}

double files_client(const std::string& path, const std::vector<row>& rows) {
  auto to = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  auto begun = clock_type::now();
  std::string text;
  for (size_t n = 0; n < rows.size(); ++n) {
    const auto& x = rows[n];
    fmt::format_to(std::back_inserter(text),
                   FMT_COMPILE(R"({{"key":{{"user":"{}"}},"value":{{"count":{},"score":{},)"
                               R"("note":"{}"}}}})"
                               "\n"),
                   x.user, x.count, x.score, x.note);
    if ((n + 1) % static_cast<size_t>(batch_rows) != 0 && n + 1 < rows.size())
      continue;
    if (::write(to, text.data(), text.size()) != static_cast<ssize_t>(text.size())
        || ::fdatasync(to) != 0)
      give_up("cannot write " + path);
    text.clear();
  }
  ::close(to);
  return std::chrono::duration<double>(clock_type::now() - begun).count();
}

/// Rounds of output and client in turns; their best rates, and the ratio of the middle round.
template <class Output, class Client>
std::string compare(const char* name, size_t rows, int rounds, Output output, Client client) {
  std::vector<double> ratios;
  double best_output = 0;
  double best_client = 0;
  for (int round = 0; round < rounds; ++round) {
    auto theirs = static_cast<double>(rows) / client(round);
    auto ours = static_cast<double>(rows) / output(round);
    std::printf("%s, round %d: output %.0f rows/s, bare client %.0f rows/s, %.2f of it\n", name,
                round + 1, ours, theirs, ours / theirs);
    ratios.push_back(ours / theirs);
    best_output = std::max(best_output, ours);
    best_client = std::max(best_client, theirs);
  }
  std::sort(ratios.begin(), ratios.end());
  return fmt::format(
      R"("{}": {{"rows_per_s": {:.0f}, "client_rows_per_s": {:.0f}, "ratio": {:.3f}}})", name,
      best_output, best_client, ratios[ratios.size() / 2]);
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 4)
    give_up("usage: bench_local_outputs FOLDER ROWS ROUNDS");
  std::string folder = argv[1];
  auto rows = make_rows(std::atoll(argv[2]));
  auto rounds = std::atoi(argv[3]);
  auto logs = logs_of(rows);
  auto path = [&](const char* what, int round) {
    return fmt::format("{}/{}-{}", folder, what, round);
  };
  auto sqlite = compare(
      "sqlite", rows.size(), rounds,
      [&](int round) { return sqlite_output(path("sqlite-output", round), logs); },
      [&](int round) { return sqlite_client(path("sqlite-client", round), rows); });
  auto files = compare(
      "file", rows.size(), rounds,
      [&](int round) { return files_output(path("file-output", round), logs); },
      [&](int round) { return files_client(path("file-client", round), rows); });
  std::printf("{%s, %s}\n", sqlite.c_str(), files.c_str());
}
