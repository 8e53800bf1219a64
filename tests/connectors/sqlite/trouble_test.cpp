#include "sink.hpp"

#include <csignal>
#include <filesystem>
#include <future>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>

using namespace keyfold;
using namespace keyfold::testing;
using Catch::Matchers::Contains;

namespace {

/// Takes dead letters as epochs do, in a thread of its own, until its end.
class letter_taker {
public:
  explicit letter_taker(dead_letter_queue& from) : thread_([this, &from] { run(from); }) {}
  ~letter_taker() { taken(); }
  /// All of them; no more are taken.
  std::vector<dead_letter> taken() {
    ended_ = true;
    if (thread_.joinable())
      thread_.join();
    return taken_;
  }

private:
  void run(dead_letter_queue& from) {
    while (!ended_) {
      for (auto& x : from.take())
        taken_.push_back(std::move(x));
      std::this_thread::sleep_for(1ms);
      from.committed();
    }
  }

  std::vector<dead_letter> taken_;
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

} // namespace

TEST_CASE("sqlite output: rows that the table refuses become dead letters, all others arrive") {
  temporary_folder folder;
  auto path = folder / "out.db";
  other_program owner{path};
  owner.run("CREATE TABLE counts (user TEXT PRIMARY KEY, n INT CHECK (n < 100), last TEXT)");
  sink x{path};
  REQUIRE(x.output->open());
  letter_taker taker{*x.letters};
  REQUIRE(x.output->publish(1, log_of({{"a", 1}, {"b", 100}, {"c", 3}, {"a", 200}})));
  CHECK(owner.rows(all) == "a|1|x y\nc|3|x y\n");
  CHECK(metric_value(*x.metrics, "keyfold_sqlite_output_rows_total") == 2);
  auto letters = taker.taken();
  REQUIRE(letters.size() == 2);
  CHECK(letters[0].stream == "counts");
  CHECK(letters[0].place == "output out epoch 1");
  CHECK(letters[0].reason
        == "table `counts` of `" + path + "` refuses the row: CHECK constraint failed: n < 100");
  CHECK(letters[0].payload == "{\"key\":{\"user\":\"b\"},\"value\":{\"n\":100,\"last\":\"x y\"}}");
  CHECK(metric_value(*x.metrics, "keyfold_output_rejected_rows_total") == 2);
}

TEST_CASE("sqlite output: an epoch is committed only once its dead letters are in the ledger") {
  temporary_folder folder;
  auto path = folder / "out.db";
  other_program owner{path};
  owner.run("CREATE TABLE counts (user TEXT PRIMARY KEY, n INT CHECK (n < 100), last TEXT)");
  sink x{path};
  std::vector<dead_letter> many(1);
  many[0].payload.resize(dead_letter_queue::max_bytes);
  REQUIRE(x.letters->offer(many));
  REQUIRE(x.output->open());
  auto published = std::async(std::launch::async, [&] {
    return x.output->publish(1, log_of({{"a", 1}, {"b", 100}})).has_value();
  });
  auto waits = [&] { return published.wait_for(100ms) == std::future_status::timeout; };
  CHECK(waits());
  CHECK_THAT(x.output->status().reason, Contains("1 rows of epoch 1 were refused, and wait"));
  CHECK(x.letters->take().size() == 1); // there is room now
  CHECK(waits());
  CHECK(x.letters->take().size() == 1); // in an epoch that is not committed
  CHECK(waits());
  CHECK(owner.rows("SELECT epoch FROM keyfold_epochs") == "0\n");
  owner.run("INSERT INTO counts VALUES ('z', 0, 'no lock is held meanwhile')");
  x.letters->committed();
  CHECK(published.get());
  CHECK(x.output->status().ready);
  CHECK(x.letters->empty());
  CHECK(owner.rows("SELECT user, n FROM counts ORDER BY 1") == "a|1\nz|0\n");
  CHECK(metric_value(*x.metrics, "keyfold_output_rejected_rows_total") == 1);
}

TEST_CASE("sqlite output: rows refused otherwise at the second writing have letters, too") {
  temporary_folder folder;
  auto path = folder / "out.db";
  other_program owner{path};
  owner.run("CREATE TABLE counts (user TEXT PRIMARY KEY, n INT CHECK (n < 100), last TEXT)");
  sink x{path};
  REQUIRE(x.output->open());
  auto published = std::async(std::launch::async, [&] {
    return x.output->publish(1, log_of({{"a", 1}, {"b", 100}})).has_value();
  });
  while (x.letters->empty())
    std::this_thread::sleep_for(1ms);
  owner.run("CREATE TRIGGER none BEFORE INSERT ON counts WHEN new.user = 'a' BEGIN "
            "SELECT RAISE(ABORT, 'not this one'); END");
  letter_taker taker{*x.letters};
  CHECK(published.get());
  auto letters = taker.taken();
  REQUIRE(letters.size() == 3); // b, then a and b
  CHECK_THAT(letters[1].reason, Contains("not this one"));
  CHECK(owner.rows(all).empty());
}

TEST_CASE("sqlite output: stopping ends the wait for dead letters, and nothing is committed") {
  temporary_folder folder;
  auto path = folder / "out.db";
  other_program owner{path};
  owner.run("CREATE TABLE counts (user TEXT PRIMARY KEY, n INT CHECK (n < 100), last TEXT)");
  sink x{path};
  REQUIRE(x.output->open());
  auto published = std::async(std::launch::async, [&] {
    return x.output->publish(1, log_of({{"a", 1}, {"b", 100}})).has_value();
  });
  while (x.letters->empty())
    std::this_thread::sleep_for(1ms);
  x.output->interrupt();
  CHECK_FALSE(published.get());
  CHECK(owner.rows(all).empty());
}

TEST_CASE("sqlite output: a disk that takes no more is said, and gone on from once it does") {
  temporary_folder folder;
  sink x{folder / "out.db"};
  REQUIRE(x.output->open());
  REQUIRE(x.output->publish(1, log_of({{"a", 1}})));
  other_program look{x.settings.path};

  // A limit on the size of files behaves as a full disk does, but SQLite calls it a bad one. The
  // crash loop fills a real one.
  std::vector<std::pair<std::string, int64_t>> many;
  for (int i = 0; i < 20'000; ++i)
    many.emplace_back("user " + std::to_string(i), i);
  auto before = std::signal(SIGXFSZ, SIG_IGN);
  rlimit unlimited{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &unlimited) == 0);
  auto limited = unlimited;
  limited.rlim_cur = 200'000;
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &limited) == 0);
  auto published = x.output->publish(2, log_of(many));
  ::setrlimit(RLIMIT_FSIZE, &unlimited);
  std::signal(SIGXFSZ, before);
  REQUIRE_FALSE(published);
  CHECK_THAT(published.error().message,
             Contains("output `out`: `" + x.settings.path + "`: ")
                 && (Contains("no space left") || Contains("see that its folder exists")));
  CHECK_FALSE(x.output->fatal());
  CHECK(x.output->status().reason == published.error().message);
  CHECK(*x.output->open() == 1);
  CHECK(look.rows(all) == "a|1|x y\n");
  REQUIRE(x.output->publish(2, log_of(many)));
  CHECK(look.rows("SELECT count(*) FROM counts") == "20001\n");
  CHECK(x.output->status().ready);
}

TEST_CASE("sqlite output: a database that may only be read is said, and waited for") {
  namespace fs = std::filesystem;
  temporary_folder folder;
  sink x{folder / "out.db"};
  REQUIRE(x.output->open());
  REQUIRE(x.output->publish(1, log_of({{"a", 1}})));
  x.again();
  fs::permissions(folder / "", fs::perms{0555});
  fs::permissions(x.settings.path, fs::perms{0444});
  // Root may write anything: as another user, then.
  auto user = ::geteuid();
  REQUIRE((user != 0 || ::seteuid(65534) == 0));
  auto opened = x.output->open();
  REQUIRE((user != 0 || ::seteuid(user) == 0));
  fs::permissions(folder / "", fs::perms{0755});
  fs::permissions(x.settings.path, fs::perms{0644});
  REQUIRE_FALSE(opened);
  CHECK(opened.error().message
        == "output `out`: `" + x.settings.path
               + "` is read-only: let this user write the file and its folder");
  CHECK_FALSE(x.output->fatal());
  CHECK(x.output->status().reason == opened.error().message);
  CHECK(*x.output->open() == 1);
  REQUIRE(x.output->publish(2, log_of({{"b", 2}})));
  CHECK(other_program{x.settings.path}.rows(all) == "a|1|x y\nb|2|x y\n");
}
