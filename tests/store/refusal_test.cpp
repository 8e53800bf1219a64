#include "ledger_fixture.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <sys/wait.h>
#include <unistd.h>

using namespace keyfold::store;
using namespace keyfold::store::testing;
using Catch::Matchers::Contains;

namespace {

void make_store(const open_options& options) {
  auto x = open_ledger(options);
  auto epoch = epoch_of(1, {{{0, "u"}, "state of u"}, {{1, "i"}, "state of i"}});
  epoch.outbox = {{"kafka", std::string(1000, 'o')}};
  REQUIRE(x->commit(epoch));
}

} // namespace

TEST_CASE("ledger: a file that is not SQLite's is refused and left as it was") {
  scratch_directory scratch;
  auto path = scratch.file("ledger.db");
  std::ofstream{path} << "not a database, but notes of some length\n";
  CHECK_THAT(refusal(options_for(path)), Contains(path) && Contains("not a SQLite file"));
  CHECK(std::filesystem::file_size(path) == 41);
}

TEST_CASE("ledger: another program's SQLite file is refused and left as it was") {
  scratch_directory scratch;
  auto path = scratch.file("ledger.db");
  run_sql(path, "CREATE TABLE notes(text)");
  auto size = std::filesystem::file_size(path);
  CHECK_THAT(refusal(options_for(path)), Contains("not a keyfold ledger"));
  auto inspection = options_for(path);
  inspection.read_only = true;
  CHECK_THAT(refusal(inspection), Contains("not a keyfold ledger"));
  CHECK(std::filesystem::file_size(path) == size);
}

TEST_CASE("ledger: a folder and a place that cannot be written to are refused") {
  scratch_directory scratch;
  CHECK_THAT(refusal(options_for(scratch.path())), Contains("is a folder"));
  std::ofstream{scratch.file("file")} << "x";
  CHECK_THAT(refusal(options_for(scratch.file("file/ledger.db"))), Contains("cannot be created"));
  CHECK_THAT(refusal(options_for("")), Contains("no path"));
}

TEST_CASE("ledger: another application's store is refused") {
  scratch_directory scratch;
  auto options = options_for(scratch.file("ledger.db"));
  make_store(options);
  options.application = "billing";
  CHECK_THAT(refusal(options),
             Contains("belongs to the application \"test\"") && Contains("\"billing\""));
}

TEST_CASE("ledger: a newer format is refused") {
  scratch_directory scratch;
  auto options = options_for(scratch.file("ledger.db"));
  make_store(options);
  run_sql(options.path, "PRAGMA user_version=99");
  CHECK_THAT(refusal(options), Contains("format 99") && Contains("newer"));
}

TEST_CASE("ledger: one of the first format is read, and brought to this one where it is written") {
  scratch_directory scratch;
  auto options = options_for(scratch.file("ledger.db"));
  make_store(options);
  run_sql(options.path, "INSERT OR REPLACE INTO published VALUES('out', 1, 'gone'); "
                        "ALTER TABLE published DROP COLUMN position; PRAGMA user_version=1");
  auto inspection = options;
  inspection.read_only = true;
  {
    auto x = open_ledger(inspection);
    CHECK(x->published("out")->epoch == 1);
    CHECK(x->published("out")->position.empty());
  }
  for (auto round = 0; round < 2; ++round) {
    auto x = open_ledger(options);
    CHECK(x->published("out")->epoch == 1);
    REQUIRE(x->mark_published("out", {1, "here"}, durability::at_once));
    CHECK(x->published("out")->position == "here");
  }
  CHECK(open_ledger(inspection)->published("out")->position == "here");
  run_sql(options.path, "PRAGMA user_version=0");
  CHECK_THAT(refusal(options), Contains("format 0") && Contains("older"));
}

TEST_CASE("ledger: a store in use is refused, naming the process, and free after its end") {
  scratch_directory scratch;
  auto options = options_for(scratch.file("ledger.db"));
  {
    auto x = open_ledger(options);
    CHECK_THAT(refusal(options), Contains("in use by process " + std::to_string(::getpid())));
    auto inspection = options;
    inspection.read_only = true;
    CHECK(ledger::open(inspection));
  }
  CHECK(ledger::open(options));
}

TEST_CASE("ledger: a changed view is refused, or reset alone") {
  scratch_directory scratch;
  auto options = options_for(scratch.file("ledger.db"));
  make_store(options);
  options.fingerprints["user/counts"] = "2";
  options.entities.push_back("post");
  CHECK_THAT(refusal(options), Contains("user/counts") && Contains("\"on_change\": \"reset\"")
                                   && !Contains("item/counts"));
  options.reset_changed_views = true;
  CHECK(open_ledger(options)->reset_views() == std::vector<std::string>{"user/counts"});
  options.reset_changed_views = false;
  CHECK(open_ledger(options)->reset_views().empty());
}

TEST_CASE("ledger: views and entities may be added, and entities renumbered") {
  scratch_directory scratch;
  auto options = options_for(scratch.file("ledger.db"));
  make_store(options);
  options.entities = {"post", "item", "user"};
  options.fingerprints["user/windows"] = "1";
  {
    auto x = open_ledger(options);
    key_table expected{{{2, "u"}, "state of u"}, {{1, "i"}, "state of i"}};
    CHECK(all_keys(*x) == expected);
    compact_all(*x);
    CHECK(all_keys(*x) == expected);
    CHECK(*x->load(2, "u") == "state of u");
  }
  options.entities = {"user", "item", "post"};
  CHECK(*open_ledger(options)->load(0, "u") == "state of u");
}

TEST_CASE("ledger: a removed view may come back changed, a removed entity comes back empty") {
  auto compacted = GENERATE(false, true);
  scratch_directory scratch;
  auto options = options_for(scratch.file("ledger.db"));
  make_store(options);
  if (compacted)
    compact_all(*open_ledger(options));
  auto without = options;
  without.entities = {"item"};
  without.fingerprints.erase("user/counts");
  {
    auto x = open_ledger(without);
    CHECK(all_keys(*x) == key_table{{{0, "i"}, "state of i"}});
    if (compacted)
      compact_all(*x);
  }
  options.fingerprints["user/counts"] = "2";
  auto x = open_ledger(options);
  CHECK(all_keys(*x) == key_table{{{1, "i"}, "state of i"}});
  compact_all(*x);
  CHECK(*x->load(0, "u") == std::nullopt);
  CHECK(x->statistics().keys == 1);
}

TEST_CASE("ledger: damaged rows are refused, naming the file and the remedy") {
  scratch_directory scratch;
  auto options = options_for(scratch.file("ledger.db"));
  make_store(options);
  auto check_remedy = [&](const std::string& message) {
    CHECK_THAT(message, Contains(options.path) && Contains("damaged") && Contains("backup"));
  };
  auto none = [](uint32_t, std::string_view, std::string_view) {};
  SECTION("a position") {
    run_sql(options.path, "UPDATE position SET next = next + 1");
    check_remedy(refusal(options));
  }
  SECTION("a position lost") {
    run_sql(options.path, "DELETE FROM position");
    check_remedy(refusal(options));
  }
  SECTION("the epoch") {
    run_sql(options.path, "UPDATE epoch SET epoch = 7");
    check_remedy(refusal(options));
  }
  SECTION("a segment") {
    run_sql(options.path,
            "UPDATE segment SET pairs = replace(pairs, 'of u', 'of x') WHERE entity = 1");
    auto x = open_ledger(options);
    auto read = x->for_each_key(none);
    REQUIRE_FALSE(read);
    check_remedy(read.error().message);
    auto compacted = x->compact(std::chrono::milliseconds{1});
    REQUIRE_FALSE(compacted);
    check_remedy(compacted.error().message);
    CHECK(x->compacted_epoch() == 0);
  }
  SECTION("a row") {
    compact_all(*open_ledger(options));
    run_sql(options.path, "UPDATE state SET state = 'other' WHERE key = CAST('u' AS BLOB)");
    auto x = open_ledger(options);
    auto read = x->for_each_key(none);
    REQUIRE_FALSE(read);
    check_remedy(read.error().message);
    CHECK_FALSE(x->load(0, "u"));
    CHECK(x->load(1, "i"));
  }
  SECTION("a part of the outbox") {
    run_sql(options.path, "DELETE FROM outbox WHERE part = (SELECT max(part) FROM outbox)");
    auto read = open_ledger(options)->read_outbox("kafka", 1);
    REQUIRE_FALSE(read);
    check_remedy(read.error().message);
  }
}

TEST_CASE("ledger: a file cut short or overwritten never crashes the program") {
  scratch_directory scratch;
  auto options = options_for(scratch.file("ledger.db"));
  make_store(options);
  compact_all(*open_ledger(options));
  auto size = std::filesystem::file_size(options.path);
  SECTION("cut") {
    std::filesystem::resize_file(options.path, size / 2);
    CHECK_THAT(refusal(options), Contains(options.path));
  }
  SECTION("overwritten") {
    std::fstream file{options.path, std::ios::in | std::ios::out | std::ios::binary};
    file.seekp(100);
    std::string noise(size - 100, '\xa5');
    file.write(noise.data(), static_cast<std::streamsize>(noise.size()));
    file.close();
    CHECK_THAT(refusal(options), Contains("damaged"));
  }
}

TEST_CASE("ledger: inspection changes nothing and needs no list of entities") {
  scratch_directory scratch;
  auto options = options_for(scratch.file("ledger.db"));
  open_options inspection;
  inspection.path = options.path;
  inspection.read_only = true;
  CHECK_THAT(refusal(inspection), Contains("there is no ledger"));
  make_store(options);
  auto opened = ledger::open(inspection);
  REQUIRE(opened);
  auto description = (*opened)->describe();
  REQUIRE(description);
  CHECK(description->application == "test");
  CHECK(description->entities == std::vector<std::string>{"item", "user"});
  CHECK(description->outputs == std::vector<std::string>{"kafka"});
  CHECK(description->fingerprints.size() == 2);
  CHECK(all_keys(**opened) == key_table{{{0, "i"}, "state of i"}, {{1, "u"}, "state of u"}});
  CHECK((*opened)->pending("kafka")->size() == 1);
  CHECK_FALSE((*opened)->commit(epoch_of(2, {})));
  CHECK(*(*opened)->compact(std::chrono::milliseconds{1}) == false);
}
