#include "connectors/file/file_source.hpp"

#include "source_reading.hpp"
#include "temporary_folder.hpp"

#include <chrono>
#include <thread>

using namespace keyfold;
using namespace keyfold::testing;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using names = std::vector<std::string>;

namespace {

std::unique_ptr<event_source> source_of(const std::string& path, bool follow = false,
                                        record_format_settings format = {}) {
  return *file_source::make({named_events(), std::move(format), path, follow});
}

everything read_to_end(event_source& source, size_t max_rows = 1000) {
  everything all;
  for (int i = 0; i < 10'000; ++i) {
    auto polled = source.poll(max_rows, 0ms);
    REQUIRE(polled);
    all.add(*polled);
    auto partitions = source.partitions();
    if (all.positions.size() == partitions.size() && all.ended())
      return all;
  }
  FAIL("the source does not end");
  return all;
}

everything read(const std::string& path, size_t max_rows = 1000) {
  auto source = source_of(path);
  REQUIRE(source->start({}));
  return read_to_end(*source, max_rows);
}

everything poll_for(event_source& source, size_t records) {
  everything all;
  for (int i = 0; i < 500 && all.records < records; ++i) {
    auto polled = source.poll(1000, 10ms);
    REQUIRE(polled);
    all.add(*polled);
  }
  return all;
}

} // namespace

TEST_CASE("file source: a file is read line by line to its end") {
  temporary_folder folder;
  auto path = folder / "events.jsonl";
  write_file(path,
             event_line("a", 5) + "\n" + "{\"n\":\"b\",\"t\":7}\r\n" + "{\"n\":\"c\",\"t\":6}");
  auto all = read(path);
  CHECK(all.names == names{"a", "b", "c"});
  CHECK(all.records == 3);
  REQUIRE(all.positions.size() == 1);
  auto& progress = all.positions.at(path);
  CHECK(progress.next == static_cast<int64_t>(read_file(path).size()));
  CHECK(progress.max_time == at_second(7));
  CHECK(progress.ended);
}

TEST_CASE(
    "file source: a byte order mark at the beginning of a file is no part of its first line") {
  temporary_folder folder;
  auto path = folder / "events.jsonl";
  const std::string mark = "\xef\xbb\xbf";
  write_file(path, mark + event_line("a", 5) + mark + event_line("b", 6));
  auto all = read(path);
  CHECK(all.names == names{"a"});
  REQUIRE(all.dead_letters.size() == 1);
  CHECK(all.dead_letters[0].place == path + ":2");
  auto& progress = all.positions.at(path);
  CHECK(progress.next == static_cast<int64_t>(read_file(path).size()));
}

TEST_CASE("file source: an empty file ends at once, and polls of ended sources bring nothing") {
  temporary_folder folder;
  auto path = folder / "empty";
  write_file(path, "");
  auto source = source_of(path);
  REQUIRE(source->start({}));
  auto all = read_to_end(*source);
  CHECK(all.records == 0);
  auto polled = source->poll(10, 1ms);
  REQUIRE(polled);
  CHECK(polled->progress.empty());
}

TEST_CASE("file source: a poll takes no more rows than asked for, and every position resumes") {
  temporary_folder folder;
  auto path = folder / "events";
  std::string lines;
  names expected;
  for (int i = 0; i < 100; ++i) {
    expected.push_back("e" + std::to_string(i));
    lines += event_line(expected.back(), i);
  }
  write_file(path, lines);
  auto whole = read(path, 7);
  CHECK(whole.names == expected);
  CHECK(whole.largest == 7);

  for (size_t stop_after = 1; stop_after < 15; ++stop_after) {
    auto source = source_of(path);
    REQUIRE(source->start({}));
    everything first;
    for (size_t i = 0; i < stop_after; ++i)
      first.add(*source->poll(7, 0ms));
    auto resumed = source_of(path);
    REQUIRE(resumed->start(first.positions));
    auto rest = read_to_end(*resumed);
    auto both = first.names;
    both.insert(both.end(), rest.names.begin(), rest.names.end());
    CHECK(both == expected);
  }
}

TEST_CASE("file source: lines that are no events are dead letters with file and line") {
  temporary_folder folder;
  auto path = folder / "events";
  write_file(path,
             event_line("a", 1) + "\n" + "nonsense\n" + event_line("b", 2) + "{\"n\":\"c\"}\n");
  auto all = read(path, 2);
  CHECK(all.names == names{"a", "b"});
  CHECK(all.records == 4);
  REQUIRE(all.dead_letters.size() == 2);
  CHECK(all.dead_letters[0].stream == "s");
  CHECK(all.dead_letters[0].place == path + ":3");
  CHECK(all.dead_letters[0].reason == "expected a JSON object, found nonsense");
  CHECK(all.dead_letters[0].payload == "nonsense");
  CHECK(all.dead_letters[1].place == path + ":5");
  CHECK_THAT(all.dead_letters[1].reason, Contains("`t`"));
}

TEST_CASE("file source: lines longer than a MiB are skipped as dead letters") {
  temporary_folder folder;
  auto path = folder / "events";
  auto long_line = [](size_t size) { return "{\"n\":\"" + std::string(size, 'x') + "\"}\n"; };
  write_file(path, event_line("a", 1) + long_line(max_line_bytes) + event_line("b", 2)
                       + long_line(5 * max_line_bytes) + event_line("c", 3)
                       + long_line(3 * max_line_bytes));
  auto all = read(path);
  CHECK(all.names == names{"a", "b", "c"});
  CHECK(all.records == 6);
  REQUIRE(all.dead_letters.size() == 3);
  CHECK(all.dead_letters[0].place == path + ":2");
  CHECK(all.dead_letters[1].place == path + ":4");
  CHECK(all.dead_letters[2].place == path + ":6");
  CHECK(all.dead_letters[1].reason == "the line has 5242889 bytes, more than the 1048576 allowed");
  CHECK(all.dead_letters[1].payload.size() == kept_line_bytes);
  CHECK(all.dead_letters[1].payload.substr(0, 8) == "{\"n\":\"xx");
  CHECK(all.positions.at(path).next == static_cast<int64_t>(read_file(path).size()));
}

TEST_CASE("file source: the longest allowed line is a record") {
  temporary_folder folder;
  auto path = folder / "events";
  auto frame = event_line("", 1).size() - 1;
  auto name = std::string(max_line_bytes - frame, 'x');
  write_file(path, event_line(name, 1) + event_line(name + "y", 2));
  auto all = read(path);
  CHECK(all.names == names{name});
  CHECK(all.dead_letters.size() == 1);
}

TEST_CASE("file source: many dead letters do not fill memory: the poll ends early") {
  temporary_folder folder;
  auto path = folder / "events";
  std::string lines;
  for (int i = 0; i < 200; ++i)
    lines += std::string(100'000, 'x') + "\n";
  write_file(path, lines);
  auto all = read(path);
  CHECK(all.dead_letters.size() == 200);
  CHECK(all.polls >= 3);
  CHECK(all.largest <= 70);
}

TEST_CASE("file source: the files of a directory are merged by event time") {
  temporary_folder folder;
  auto events = folder / "events";
  std::filesystem::create_directory(events);
  write_file(events + "/b", event_line("b1", 1) + event_line("b5", 5) + event_line("b9", 9));
  write_file(events + "/a", event_line("a2", 2) + event_line("a3", 3) + event_line("a8", 8));
  write_file(events + "/.hidden", event_line("h", 1));
  std::filesystem::create_directory(events + "/c");
  auto source = source_of(events);
  REQUIRE(source->start({}));
  CHECK(source->partitions() == names{events + "/a", events + "/b"});
  auto all = read_to_end(*source, 1);
  CHECK(all.names == names{"a2", "b1", "b5", "a3", "a8", "b9"});
  CHECK(all.positions.at(events + "/b").max_time == at_second(9));
}

TEST_CASE("file source: of several files, those with more lines are told with every poll") {
  auto follow = GENERATE(false, true);
  temporary_folder folder;
  for (auto* name : {"a", "b", "c"})
    write_file(folder / name, event_line("x", 1) + "\n" + event_line("y", 2) + "\n");
  auto source = source_of(folder / "", follow);
  REQUIRE(source->start({}));
  auto polled = source->poll(1, 0ms);
  REQUIRE(polled);
  CHECK(polled->unread == names{folder / "a", folder / "b", folder / "c"});
  std::vector<size_t> left;
  for (int i = 0; i < 8 && (left.empty() || left.back() > 0); ++i) {
    polled = source->poll(2, 0ms);
    REQUIRE(polled);
    left.push_back(polled->unread.size());
  }
  CHECK(std::is_sorted(left.rbegin(), left.rend()));
  CHECK(left.back() == 0);
}

TEST_CASE("file source: parts of one log are read in the order of their names") {
  temporary_folder folder;
  write_file(folder / "log.1", event_line("a", 1) + event_line("b", 2));
  write_file(folder / "log.2", event_line("c", 3) + event_line("d", 4));
  CHECK(read(folder.path()).names == names{"a", "b", "c", "d"});
}

TEST_CASE("file source: a CSV header names the columns, also after a resume") {
  temporary_folder folder;
  auto path = folder / "events.csv";
  write_file(path, "t,other,n\n1,x,a\n2,x,\"b,b\"\n");
  record_format_settings csv;
  csv.format = record_format::csv;
  csv.header = true;
  auto source = source_of(path, false, csv);
  REQUIRE(source->start({}));
  everything first;
  first.add(*source->poll(1, 0ms));
  CHECK(first.names == names{"a"});
  auto resumed = source_of(path, false, csv);
  REQUIRE(resumed->start(first.positions));
  CHECK(read_to_end(*resumed).names == names{"b,b"});

  write_file(path, "t,other\n1,x\n");
  auto wrong = source_of(path, false, csv);
  REQUIRE(wrong->start({}));
  CHECK(wrong->poll(1, 0ms).error().message
        == path + ":1: stream `s`: the CSV columns are t, other: none of them is `n`");
}

TEST_CASE("file source: a followed file brings what is appended, whole lines only") {
  temporary_folder folder;
  auto path = folder / "events";
  write_file(path, event_line("a", 1) + "{\"n\":\"b\",");
  auto source = source_of(path, true);
  REQUIRE(source->start({}));
  CHECK(poll_for(*source, 1).names == names{"a"});
  CHECK(source->poll(10, 1ms)->records == 0);
  append_file(path, "\"t\":2}");
  CHECK(source->poll(10, 120ms)->records == 0);
  append_file(path, "\n" + event_line("c", 3));
  auto more = poll_for(*source, 2);
  CHECK(more.names == names{"b", "c"});
  CHECK_FALSE(more.ended());
}

TEST_CASE("file source: a followed CSV waits for its header") {
  temporary_folder folder;
  auto path = folder / "events";
  write_file(path, "n,");
  record_format_settings csv;
  csv.format = record_format::csv;
  csv.header = true;
  auto source = source_of(path, true, csv);
  REQUIRE(source->start({}));
  CHECK(source->poll(10, 60ms)->records == 0);
  append_file(path, "t\na,1\n");
  CHECK(poll_for(*source, 1).names == names{"a"});
}

TEST_CASE("file source: a followed directory brings new files and lets read ones go") {
  temporary_folder folder;
  auto source = source_of(folder.path(), true);
  REQUIRE(source->start({}));
  CHECK(source->partitions().empty());
  write_file(folder / "one", event_line("a", 1));
  CHECK(poll_for(*source, 1).names == names{"a"});
  write_file(folder / "two", event_line("b", 2));
  CHECK(poll_for(*source, 1).names == names{"b"});
  std::filesystem::remove(folder / "one");
  names revoked;
  for (int i = 0; i < 100 && revoked.empty(); ++i)
    revoked = source->poll(10, 10ms)->revoked;
  CHECK(revoked == names{folder / "one"});
  CHECK(source->partitions() == names{folder / "two"});
}

TEST_CASE("file source: a file that was cut or replaced is an error") {
  temporary_folder folder;
  auto path = folder / "events";
  write_file(path, event_line("a", 1) + event_line("b", 2));
  auto source = source_of(path, true);
  REQUIRE(source->start({}));
  auto all = poll_for(*source, 2);
  std::filesystem::resize_file(path, 5);
  auto polled = source->poll(10, 200ms);
  REQUIRE_FALSE(polled);
  CHECK(polled.error().message
        == "stream `s`: `" + path
               + "` has 5 bytes, but 32 were read of it before: it was cut or "
                 "replaced; restore it, or begin with a new ledger");
  auto again = source_of(path);
  CHECK_THAT(again->start(all.positions).error().message, Contains("has 5 bytes, but 32"));

  auto follower = source_of(path, true);
  REQUIRE(follower->start({}));
  CHECK(follower->poll(10, 1ms)->records == 0);
  write_file(path + ".new", event_line("c", 1) + event_line("d", 2));
  std::filesystem::rename(path + ".new", path);
  auto replaced = follower->poll(10, 200ms);
  REQUIRE_FALSE(replaced);
  CHECK_THAT(replaced.error().message, Contains("was replaced by another file"));
}

TEST_CASE("file source: what cannot be read is refused at the start") {
  temporary_folder folder;
  CHECK(source_of(folder / "missing")->start({}).error().message
        == "stream `s`: cannot read `" + folder / "missing" + "`: No such file or directory");
  CHECK(source_of(folder.path())->start({}).error().message
        == "stream `s`: the directory `" + folder.path() + "` has no files to read");
  record_format_settings csv;
  csv.format = record_format::csv;
  CHECK_THAT(file_source::make({named_events(), csv, "x", false}).error().message,
             Contains("needs `columns`"));
}

TEST_CASE("file source: an interrupt ends a waiting poll") {
  temporary_folder folder;
  auto path = folder / "events";
  write_file(path, "");
  auto source = source_of(path, true);
  REQUIRE(source->start({}));
  check_interrupt(*source);
}
