#include "ledger_fixture.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <random>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace keyfold::store;
using namespace keyfold::store::testing;
using Catch::Matchers::Contains;

namespace {

constexpr int keys_per_epoch = 400;

/// Epoch N sets the keys N mod 3, N mod 3 + 3, … to N, and outboxes N.
epoch_commit crash_epoch(uint64_t number) {
  key_table changed;
  for (auto i = number % 3; i < keys_per_epoch; i += 3)
    changed[{0, "key" + std::to_string(i)}] = std::to_string(number) + std::string(100, '.');
  auto result = epoch_of(number, changed);
  result.outbox = {{"kafka", std::to_string(number)}};
  return result;
}

/// What a store whose last epoch is `last` must hold.
key_table crash_table(uint64_t last) {
  key_table result;
  for (auto epoch = last > 2 ? last - 2 : 1; epoch <= last; ++epoch)
    for (auto i = epoch % 3; i < keys_per_epoch; i += 3)
      result[{0, "key" + std::to_string(i)}] = std::to_string(epoch) + std::string(100, '.');
  return result;
}

/// Commits, compacts and publishes until it is killed; tells each committed epoch to `progress`.
[[noreturn]] void work_until_killed(const open_options& options, int progress) {
  auto opened = sqlite_ledger::open(options, small_tuning());
  if (!opened)
    ::_exit(3);
  auto& x = **opened;
  for (auto epoch = x.last_epoch() + 1;; ++epoch) {
    if (!x.commit(crash_epoch(epoch)))
      ::_exit(4);
    if (::write(progress, &epoch, sizeof epoch) != static_cast<ssize_t>(sizeof epoch))
      ::_exit(5);
    if (!x.compact(std::chrono::milliseconds{1})
        || !x.mark_published("kafka", {epoch - epoch % 4, "at " + std::to_string(epoch)}))
      ::_exit(6);
  }
}

/// The last epoch the child said was committed before it was killed after `delay`.
uint64_t run_and_kill(const open_options& options, std::chrono::microseconds delay) {
  int progress[2];
  REQUIRE(::pipe(progress) == 0);
  auto child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0)
    work_until_killed(options, progress[1]);
  ::close(progress[1]);
  std::this_thread::sleep_for(delay);
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(WIFSIGNALED(status));
  uint64_t last = 0;
  for (uint64_t epoch;
       ::read(progress[0], &epoch, sizeof epoch) == static_cast<ssize_t>(sizeof epoch);)
    last = epoch;
  ::close(progress[0]);
  return last;
}

/// Commits growing epochs until the space is gone; then checks what must hold.
uint64_t fill(sqlite_ledger& x) {
  for (uint64_t epoch = x.last_epoch() + 1; epoch < 10'000; ++epoch) {
    auto done = x.commit(crash_epoch(epoch));
    if (done)
      continue;
    INFO(done.error().message);
    CHECK(done.error().out_of_space);
    CHECK_THAT(done.error().message, Contains("no space left"));
    CHECK(x.last_epoch() == epoch - 1);
    return epoch;
  }
  FAIL("the space never ran out");
  return 0;
}

} // namespace

TEST_CASE("ledger: kill -9 at any moment leaves whole epochs only") {
  auto seed = 20240717u;
  INFO("seed " << seed);
  std::mt19937 random{seed};
  scratch_directory scratch;
  auto options = options_for(scratch.file("ledger.db"));
  uint64_t told = 0;
  // A slow disk commits nothing within the first delays: they grow until epochs were there to be
  // lost.
  for (unsigned round = 0; round < 25 || told <= 5; ++round) {
    REQUIRE(round < 500);
    auto longest = 150'000 * (1 + round / 25);
    told = std::max(told, run_and_kill(options, std::chrono::microseconds{random() % longest}));
    auto x = open_ledger(options);
    INFO("round " << round << ", epoch " << x->last_epoch() << ", told " << told);
    REQUIRE(x->last_epoch() >= told);
    REQUIRE(x->last_epoch() <= told + 1);
    told = x->last_epoch();
    REQUIRE(all_keys(*x) == crash_table(told));
    if (told == 0)
      continue;
    REQUIRE(x->positions().at(0).next == static_cast<int64_t>(told));
    auto pending = *x->pending("kafka");
    for (auto& [epoch, size] : pending)
      REQUIRE(*x->read_outbox("kafka", epoch) == std::to_string(epoch));
    auto mark = *x->published("kafka");
    REQUIRE(mark.epoch + pending.size() == told);
    if (!mark.position.empty())
      REQUIRE(std::stoull(mark.position.substr(3)) / 4 * 4 == mark.epoch);
  }
}

TEST_CASE("ledger: a file that may not grow is out of space; the same commit succeeds later") {
  scratch_directory scratch;
  auto options = options_for(scratch.file("ledger.db"));
  auto x = open_ledger(options);
  REQUIRE(x->commit(crash_epoch(1)));
  rlimit old{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &old) == 0);
  auto* handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small{2u << 20, old.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  auto failed = fill(*x);
  CHECK_FALSE(x->commit(crash_epoch(failed)));
  ::setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, handler);
  CHECK(all_keys(*x) == crash_table(failed - 1));
  REQUIRE(x->commit(crash_epoch(failed)));
  x.reset();
  x = open_ledger(options);
  CHECK(x->last_epoch() == failed);
  CHECK(all_keys(*x) == crash_table(failed));
}

TEST_CASE("ledger: a full file system is out of space; the same commit succeeds later") {
  scratch_directory scratch;
  if (::mount("tmpfs", scratch.path().c_str(), "tmpfs", 0, "size=3m") != 0) {
    WARN("not allowed to mount a tmpfs: the full file system was not tried");
    return;
  }
  auto options = options_for(scratch.file("ledger.db"));
  {
    auto ballast = scratch.file("ballast");
    auto* file = std::fopen(ballast.c_str(), "w");
    REQUIRE(file != nullptr);
    std::string zeros(1 << 20, '\0');
    CHECK(std::fwrite(zeros.data(), zeros.size(), 1, file) == 1);
    std::fclose(file);
    auto x = open_ledger(options);
    auto failed = fill(*x);
    auto compacted = x->compact(std::chrono::milliseconds{50});
    CHECK((compacted || compacted.error().out_of_space));
    CHECK(all_keys(*x) == crash_table(failed - 1));
    REQUIRE(::unlink(ballast.c_str()) == 0);
    REQUIRE(x->commit(crash_epoch(failed)));
    x.reset();
    x = open_ledger(options);
    CHECK(x->last_epoch() == failed);
    CHECK(all_keys(*x) == crash_table(failed));
    x.reset();
  }
  CHECK(::umount(scratch.path().c_str()) == 0);
}
