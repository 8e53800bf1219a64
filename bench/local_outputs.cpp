// The outputs to SQLite and to files beside bare clients: programs that hold the same rows as plain
// values and write them in the same batches, as durably, with nothing but SQLite's or the system's
// calls; the file's bytes are compared. Usage: bench_local_outputs FOLDER ROWS ROUNDS [sqlite|file]
#include "output_comparison.hpp"

#include "connectors/file/file_output.hpp"
#include "connectors/sqlite/sqlite_output.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <sqlite3.h>
#include <string>
#include <string_view>
#include <type_traits>
#include <unistd.h>
#include <vector>

namespace {

using namespace keyfold;
using bench::clock_type;
using bench::compare;
using bench::give_up;
using bench::must;
using bench::seconds_since;

constexpr int64_t batch_rows = 10'000; // an epoch, a transaction
constexpr int64_t keys = 50'000;

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
  return seconds_since(begun);
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
  auto took = seconds_since(begun);
  sqlite3_finalize(write);
  sqlite3_close(on);
  return took;
}

void append_text(std::string_view text, std::string& out) {
  out.push_back('"');
  while (!text.empty()) {
    auto special = std::find_if(text.begin(), text.end(), [](char c) {
      return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
    });
    auto plain = static_cast<size_t>(special - text.begin());
    out.append(text.data(), plain);
    text.remove_prefix(plain);
    if (text.empty())
      break;
    if (text.front() == '"' || text.front() == '\\')
      out.append({'\\', text.front()});
    else
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(text.front()));
    text.remove_prefix(1);
  }
  out.push_back('"');
}

template <class Number>
void append_number(Number x, std::string& out) {
  char text[32];
  auto end = std::to_chars(text, std::end(text), x).ptr;
  out.append(text, end);
  if (std::is_floating_point_v<Number> && std::find(text, end, '.') == end)
    out += ".0";
}

/// The line of `x`, byte for byte as the output writes it.
void append_line(const row& x, std::string& out) {
  out += R"({"key":{"user":)";
  append_text(x.user, out);
  out += R"(},"value":{"count":)";
  append_number(x.count, out);
  out += R"(,"score":)";
  append_number(x.score, out);
  out += R"(,"note":)";
  append_text(x.note, out);
  out += "}}\n";
}

double files_client(const std::string& path, const std::vector<row>& rows) {
  auto to = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  auto begun = clock_type::now();
  std::string text;
  for (size_t n = 0; n < rows.size(); ++n) {
    append_line(rows[n], text);
    if ((n + 1) % static_cast<size_t>(batch_rows) != 0 && n + 1 < rows.size())
      continue;
    if (::write(to, text.data(), text.size()) != static_cast<ssize_t>(text.size())
        || ::fdatasync(to) != 0)
      give_up("cannot write " + path);
    text.clear();
  }
  ::close(to);
  return seconds_since(begun);
}

void must_be_equal(const std::string& a, const std::string& b) {
  auto contents = [](const std::string& path) {
    std::ifstream from{path, std::ios::binary};
    return std::string{std::istreambuf_iterator<char>{from}, {}};
  };
  if (contents(a) != contents(b))
    give_up(fmt::format("{} and {} differ: they were to hold the same bytes", a, b));
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 4 && argc != 5)
    give_up("usage: bench_local_outputs FOLDER ROWS ROUNDS [sqlite|file]");
  std::string folder = argv[1];
  std::string_view only = argc == 5 ? argv[4] : "";
  auto count = std::atoll(argv[2]);
  auto rows = make_rows(count);
  auto rounds = std::atoi(argv[3]);
  auto logs = logs_of(rows);
  auto path = [&](const char* what, int round) {
    return fmt::format("{}/{}-{}", folder, what, round);
  };
  std::vector<std::string> results;
  if (only != "file")
    results.push_back(
        "\"sqlite\": "
        + compare(
            count, rounds,
            [&](int round) { return sqlite_output(path("sqlite-output", round), logs); },
            [&](int round) { return sqlite_client(path("sqlite-client", round), rows); },
            "sqlite"));
  if (only != "sqlite") {
    results.push_back("\"file\": "
                      + compare(
                          count, rounds,
                          [&](int round) { return files_output(path("file-output", round), logs); },
                          [&](int round) { return files_client(path("file-client", round), rows); },
                          "file"));
    for (int round = 0; round < rounds; ++round)
      must_be_equal(path("file-output", round), path("file-client", round));
  }
  std::printf("{%s}\n", fmt::format("{}", fmt::join(results, ", ")).c_str());
}
