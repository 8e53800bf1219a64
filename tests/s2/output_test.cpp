#include "publishing.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <thread>
#include <vector>

using namespace keyfold;
using namespace keyfold::s2;
using namespace keyfold::s2::test;

namespace {

/// The rows in the stream are users `u0`… in their order, each once.
void check_users(const std::string& stream, int64_t count) {
  auto records = read_all(stream);
  REQUIRE(records.size() == static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    INFO("record " << i);
    REQUIRE(records[static_cast<size_t>(i)].header("@key")
            == fmt::format(R"({{"user":"u{}"}})", i));
  }
}

} // namespace

TEST_CASE("s2 output: upserts and deletes as readers of S2 know them, and where it got to") {
  auto settings = test_output();
  publishing x{settings};
  CHECK(x.open() == 0);
  x.upsert("u1", 1, "linen");
  x.upsert("u2", 2);
  CHECK(x.publish(1) == "");
  x.erase("u1");
  CHECK(x.publish(3) == "");
  auto records = read_all(settings.stream);
  REQUIRE(records.size() == 3);
  CHECK(records[0].headers
        == std::vector<std::pair<std::string, std::string>>{{"@key", R"({"user":"u1"})"},
                                                            {"@action", "u"}});
  CHECK(records[0].body == R"({"count":1,"note":"linen"})");
  CHECK(records[1].header("@action") == "u");
  CHECK(records[1].header("@batch").ends_with(" 2 end"));
  CHECK(records[2].header("@key") == R"({"user":"u1"})");
  CHECK(records[2].header("@action") == "d");
  CHECK(records[2].body.empty());
  CHECK(x.target().status().ready);
  publishing again{settings};
  CHECK(again.open() == 3);
}

TEST_CASE("s2 output: appended rows have no key, and a delete is only counted") {
  auto settings = test_output();
  settings.upsert = false;
  settings.event_time = true;
  publishing x{settings};
  x.open();
  x.upsert("u1", 5);
  x.erase("u1");
  CHECK(x.publish(1) == "");
  auto records = read_all(settings.stream);
  REQUIRE(records.size() == 1);
  CHECK(records[0].header("@key") == "(none)");
  CHECK(records[0].header("@action") == "(none)");
  CHECK(records[0].body == R"({"count":5,"note":""})");
  CHECK(records[0].timestamp_ms == 1'700'000'000'005);
  CHECK(x.metric("keyfold_s2_output_deletes_left_out_total") == 1);
}

TEST_CASE("s2 output: an epoch of many batches, by count and by size") {
  auto settings = test_output();
  publishing x{settings};
  x.open();
  SECTION("by count") {
    x.upserts(0, 2500);
    CHECK(x.publish(1) == "");
    CHECK(x.metric("keyfold_s2_output_appends_total") == 3);
    check_users(settings.stream, 2500);
  }
  SECTION("by size") {
    x.upserts(0, 50, std::string(100'000, 'x'));
    CHECK(x.publish(1) == "");
    CHECK(x.metric("keyfold_s2_output_appends_total") == 5);
    check_users(settings.stream, 50);
  }
}

TEST_CASE("s2 output: one that is taken over can append no more, and says so") {
  auto settings = test_output();
  publishing old{settings};
  old.open();
  old.upsert("u0", 0);
  REQUIRE(old.publish(1) == "");
  publishing next{settings};
  CHECK(next.open() == 1);
  old.upsert("u1", 1);
  auto why = old.publish(2);
  CHECK(why.find("another process has taken over the stream") != std::string::npos);
  CHECK(old.target().fatal());
  CHECK_FALSE(old.target().status().ready);
  next.upsert("u1", 1);
  CHECK(next.publish(2) == "");
  check_users(settings.stream, 2);
}

TEST_CASE("s2 output: an epoch that was appended in part is completed, not begun anew") {
  auto settings = test_output();
  {
    publishing x{settings};
    x.open();
    x.upserts(0, 1);
    REQUIRE(x.publish(1) == "");
    // The process ends after the second of three appends: the third is taken away.
    x.upserts(1, 2500);
    auto log = x.take();
    REQUIRE(x.target().publish(2, log));
  }
  auto whole = read_all(settings.stream);
  auto other = settings;
  other.stream = unique("half");
  create_stream(other.stream);
  whole.resize(1 + 2000);
  append(other.stream, whole);
  publishing x{other};
  CHECK(x.open() == 1);
  SECTION("with the same changes") {
    x.upserts(1, 2500);
    CHECK(x.publish(2) == "");
    check_users(other.stream, 2501);
    CHECK(x.metric("keyfold_s2_output_resumed_epochs_total") == 1);
    CHECK(publishing{other}.open() == 2);
  }
  SECTION("with others") {
    x.upserts(1, 2400);
    CHECK(x.publish(2).find("the ledger is older than what was published") != std::string::npos);
    CHECK(x.target().fatal());
    CHECK(read_all(other.stream).size() == 2001);
  }
}

TEST_CASE("s2 output: records of others in between disturb nothing") {
  auto settings = test_output();
  publishing x{settings};
  x.open();
  x.upserts(0, 3);
  REQUIRE(x.publish(1) == "");
  append(settings.stream, {{0, 0, {}, "hello"}, {0, 0, {}, "again"}});
  x.upserts(3, 3);
  CHECK(x.publish(2) == "");
  CHECK(x.metric("keyfold_s2_output_foreign_records_total") == 2);
  CHECK(read_all(settings.stream).size() == 8);
  std::vector<plain_record> many(2500);
  for (auto& one : many)
    one.body = "x";
  append(settings.stream, many);
  CHECK(publishing{settings}.open() == 2); // far behind what others wrote
}

TEST_CASE("s2 output: what was trimmed is looked for no further") {
  auto settings = test_output();
  {
    publishing x{settings};
    x.open();
    x.upserts(0, 3);
    REQUIRE(x.publish(1) == "");
  }
  append(settings.stream, std::vector<plain_record>(30, {0, 0, {}, "x"}));
  trim(settings.stream, tail_of(settings.stream));
  for (int i = 0; i < 200 && !read_all(settings.stream).empty(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  publishing x{settings};
  CHECK(x.open() == 0);
  x.upserts(0, 3);
  CHECK(x.publish(2) == "");
  check_users(settings.stream, 3);
}

TEST_CASE("s2 output: markers are those of the transactional id") {
  auto settings = test_output();
  {
    publishing x{settings};
    x.open();
    x.upserts(0, 3);
    REQUIRE(x.publish(7) == "");
  }
  settings.transactional_id = "another";
  publishing x{settings};
  CHECK(x.open() == 0);
}

TEST_CASE("s2 output: a missing stream is told where it may not be made") {
  auto settings = test_output();
  settings.create_stream = false;
  publishing x{settings};
  auto opened = x.target().open();
  REQUIRE_FALSE(opened);
  CHECK(opened.error().message.find("cannot be taken over") != std::string::npos);
  CHECK_FALSE(x.target().fatal());
  create_stream(settings.stream);
  CHECK(x.open() == 0);
}

TEST_CASE("s2 output: a missing basin is told") {
  auto settings = test_output();
  settings.basin.basin = "keyfold-missing";
  publishing x{settings};
  auto opened = x.target().open();
  REQUIRE_FALSE(opened);
  CHECK(opened.error().message.find("there is no such basin: create it") != std::string::npos);
}

TEST_CASE("s2 output: a row larger than the service takes is a dead letter, the others go on") {
  auto settings = test_output();
  settings.letters = std::make_shared<dead_letter_queue>();
  publishing x{settings};
  x.open();
  x.upsert("u0", 0);
  x.upsert("huge", 1, std::string(1u << 20, 'x'));
  x.upsert("u1", 2);
  // As the engine's epochs: what waits is taken, and is in the ledger a little later.
  std::vector<dead_letter> letters;
  std::thread epochs{[&] {
    while (letters.empty())
      letters = settings.letters->take();
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
    CHECK(read_all(settings.stream).empty()); // nothing behind it is appended before
    settings.letters->committed();
  }};
  CHECK(x.publish(1) == "");
  epochs.join();
  check_users(settings.stream, 2);
  REQUIRE(letters.size() == 1);
  CHECK(letters[0].place == R"(output counters key {"user":"huge"})");
  CHECK(letters[0].payload.size() == 64u << 10);
  CHECK(x.metric("keyfold_s2_output_too_large_rows_total") == 1);
  settings.letters.reset();
  settings.stream = unique("out");
  publishing without{settings};
  without.open();
  without.upsert("huge", 1, std::string(1u << 20, 'x'));
  CHECK_FALSE(without.publish(1).empty());
  CHECK(without.target().fatal());
}

TEST_CASE("s2 output: a log that does not fit the rows is refused") {
  auto settings = test_output();
  publishing x{settings};
  x.open();
  CHECK_FALSE(x.target().publish(1, "no log"));
  CHECK(x.target().fatal());
  CHECK_FALSE(x.target().publish(1, "")); // not before it is opened again
}
