#include "connectors/file/stdin_source.hpp"

#include "source_reading.hpp"

#include <chrono>
#include <thread>
#include <unistd.h>

using namespace keyfold;
using namespace keyfold::testing;
using namespace std::chrono_literals;
using names = std::vector<std::string>;

namespace {

/// A pipe with both ends open.
class pipe_pair {
public:
  pipe_pair() { REQUIRE(::pipe(ends_) == 0); }
  pipe_pair(const pipe_pair&) = delete;
  pipe_pair& operator=(const pipe_pair&) = delete;
  ~pipe_pair() {
    close_writer();
    ::close(ends_[0]);
  }
  int reader() const { return ends_[0]; }
  void write(const std::string& text) {
    REQUIRE(::write(ends_[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  void close_writer() {
    if (ends_[1] >= 0)
      ::close(ends_[1]);
    ends_[1] = -1;
  }

private:
  int ends_[2] = {-1, -1};
};

everything poll_until(event_source& source, size_t records) {
  everything all;
  for (int i = 0; i < 200 && all.records < records; ++i)
    all.add(*source.poll(1000, 10ms));
  return all;
}

} // namespace

TEST_CASE("stdin source: lines are read as they come, the last one without its end too") {
  pipe_pair pipe;
  auto source = *stdin_source::make(named_events(), {}, pipe.reader());
  REQUIRE(source->start({}));
  CHECK(source->partitions() == names{"stdin"});
  pipe.write("\xef\xbb\xbf" + event_line("a", 1) + "{\"n\":\"b\"");
  CHECK(poll_until(*source, 1).names == names{"a"});
  pipe.write(",\"t\":2}\nnonsense\n\n" + event_line("c", 3));
  auto all = poll_until(*source, 3);
  CHECK(all.names == names{"b", "c"});
  REQUIRE(all.dead_letters.size() == 1);
  CHECK(all.dead_letters[0].place == "stdin:3");
  pipe.write("{\"n\":\"d\",\"t\":4}");
  pipe.close_writer();
  all = poll_until(*source, 1);
  CHECK(all.names == names{"d"});
  all.add(*source->poll(10, 10ms));
  CHECK(all.ended());
  CHECK(all.positions.at("stdin").next == 6);
  CHECK(all.positions.at("stdin").max_time == at_second(4));
  CHECK(source->poll(10, 1ms)->progress.empty());
}

TEST_CASE("stdin source: positions go on counting over runs") {
  pipe_pair pipe;
  auto source = *stdin_source::make(named_events(), {}, pipe.reader());
  REQUIRE(source->start({{"stdin", {"stdin", 41, at_second(9), true}}}));
  pipe.write(event_line("a", 1));
  auto all = poll_until(*source, 1);
  CHECK(all.positions.at("stdin").next == 42);
  CHECK(all.positions.at("stdin").max_time == at_second(9));
  CHECK_FALSE(all.ended());
}

TEST_CASE("stdin source: a poll takes no more rows than asked for") {
  pipe_pair pipe;
  auto source = *stdin_source::make(named_events(), {}, pipe.reader());
  REQUIRE(source->start({}));
  std::string lines;
  for (int i = 0; i < 20; ++i)
    lines += event_line(std::to_string(i), i);
  pipe.write(lines);
  CHECK(source->poll(6, 100ms)->records == 6);
  CHECK(source->poll(100, 100ms)->records == 14);
}

TEST_CASE("stdin source: a long line is skipped, a CSV header is read") {
  pipe_pair pipe;
  record_format_settings csv;
  csv.format = record_format::csv;
  csv.header = true;
  auto source = *stdin_source::make(named_events(), csv, pipe.reader());
  REQUIRE(source->start({}));
  std::thread writer{[&] {
    pipe.write("t,n\n1,a\n");
    for (int i = 0; i < 40; ++i)
      pipe.write(std::string(60'000, 'x'));
    pipe.write("\n2,b\n");
  }};
  auto all = poll_until(*source, 3);
  writer.join();
  CHECK(all.names == names{"a", "b"});
  REQUIRE(all.dead_letters.size() == 1);
  CHECK(all.dead_letters[0].place == "stdin:3");
  CHECK(all.dead_letters[0].reason == "the line has more than the 1048576 bytes allowed");
}

TEST_CASE("stdin source: an interrupt ends a waiting poll") {
  pipe_pair pipe;
  auto source = *stdin_source::make(named_events(), {}, pipe.reader());
  REQUIRE(source->start({}));
  check_interrupt(*source);
}
