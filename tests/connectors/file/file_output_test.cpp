#include "connectors/file/file_output.hpp"

#include "../changes.hpp"
#include "temporary_folder.hpp"

#include <csignal>
#include <filesystem>
#include <sys/resource.h>

using namespace keyfold;
using namespace keyfold::testing;
using Catch::Matchers::Contains;

namespace {

file_output_settings settings(const std::string& path, row_format format = row_format::json) {
  file_output_settings made;
  made.name = "out";
  made.path = path;
  made.format = format;
  made.columns = {counts()};
  return made;
}

std::shared_ptr<metrics_registry> metrics() {
  return std::make_shared<metrics_registry>();
}

} // namespace

TEST_CASE("file output: changes are lines, deletes have the value null") {
  temporary_folder folder;
  auto path = folder / "out.jsonl";
  file_output output{settings(path), metrics()};
  CHECK_FALSE(output.status().ready);
  CHECK(*output.open() == 0);
  CHECK(output.status().ready);
  REQUIRE(output.publish(1, log_of({{"a", 1}, {"b", -1}})));
  REQUIRE(output.publish(4, log_of({{"a", 2}})));
  CHECK(read_file(path)
        == "{\"key\":{\"user\":\"a\"},\"value\":{\"n\":1,\"last\":\"x y\"}}\n"
           "{\"key\":{\"user\":\"b\"},\"value\":null}\n"
           "{\"key\":{\"user\":\"a\"},\"value\":{\"n\":2,\"last\":\"x y\"}}\n");
  CHECK(read_file(marker_path(path))
        == "keyfold-output 1 4 " + std::to_string(read_file(path).size()) + "\n");
}

TEST_CASE("file output: CSV has a header, and a first column that tells upserts from deletes") {
  temporary_folder folder;
  auto path = folder / "out.csv";
  {
    file_output output{settings(path, row_format::csv), metrics()};
    REQUIRE(output.open());
    REQUIRE(output.publish(1, log_of({{"a,b", 1}, {"b", -1}})));
  }
  file_output output{settings(path, row_format::csv), metrics()};
  CHECK(*output.open() == 1);
  REQUIRE(output.publish(2, log_of({{"c", 3}})));
  CHECK(read_file(path)
        == "change,user,n,last\nupsert,\"a,b\",1,\"x y\"\ndelete,b,,\nupsert,c,3,\"x y\"\n");
}

TEST_CASE("file output: several views are told apart by their names") {
  temporary_folder folder;
  for (auto format : {row_format::json, row_format::csv}) {
    auto path = folder / (format == row_format::json ? "json" : "csv");
    auto both = settings(path, format);
    both.columns.push_back(counts("more"));
    file_output output{both, metrics()};
    REQUIRE(output.open());
    REQUIRE(output.publish(1, log_of({{"a", 1}}) + log_of({{"b", -1}}, 1)));
    CHECK(read_file(path)
          == (format == row_format::json
                  ? "{\"view\":\"counts\",\"key\":{\"user\":\"a\"},\"value\":{\"n\":1,\"last\":\"x "
                    "y\"}}\n{\"view\":\"more\",\"key\":{\"user\":\"b\"},\"value\":null}\n"
                  : "upsert,counts,a,1,\"x y\"\ndelete,more,b,,\n"));
  }
}

TEST_CASE("file output: events are written without a key, one a line") {
  temporary_folder folder;
  auto events = counts("found");
  events.events = true;
  events.fields = {{"N", false, 0}, {"who", true, 0}};
  auto written = [&](const std::string& name, row_format format, size_t streams) {
    auto x = settings(folder / name, format);
    x.columns.assign(streams, events);
    file_output output{x, metrics()};
    REQUIRE(output.open());
    REQUIRE(output.publish(1, log_of({{"a", 1}, {"b", 2}})));
    return read_file(x.path);
  };
  CHECK(written("json", row_format::json, 1)
        == "{\"N\":1,\"who\":\"a\"}\n{\"N\":2,\"who\":\"b\"}\n");
  CHECK(written("several", row_format::json, 2)
        == "{\"stream\":\"found\",\"value\":{\"N\":1,\"who\":\"a\"}}\n"
           "{\"stream\":\"found\",\"value\":{\"N\":2,\"who\":\"b\"}}\n");
  CHECK(written("csv", row_format::csv, 1) == "N,who\n1,a\n2,b\n");
}

TEST_CASE("file output: dead letters have no key") {
  temporary_folder folder;
  auto path = folder / "dead";
  change_columns columns{"dead_letters", {}, {}};
  for (auto name : {"stream", "place", "reason", "payload"})
    columns.values.push_back({name, *parse_data_type("string")});
  cell values[] = {cell::string("s"), cell::string("f:1"), cell::string("bad"),
                   cell::string("\xff\"")};
  change x;
  x.values = values;
  std::string log;
  change_log_writer{log}.append(x);
  auto dead = settings(path);
  dead.columns = {columns};
  file_output output{dead, metrics()};
  REQUIRE(output.open());
  REQUIRE(output.publish(1, log));
  CHECK(read_file(path)
        == "{\"key\":{},\"value\":{\"stream\":\"s\",\"place\":\"f:1\",\"reason\":\"bad\","
           "\"payload\":\"\xef\xbf\xbd\\\"\"}}\n");
}

TEST_CASE("file output: wherever a crash cuts an epoch, opening leaves only whole epochs") {
  temporary_folder folder;
  auto path = folder / "out";
  {
    file_output output{settings(path), metrics()};
    REQUIRE(output.open());
    REQUIRE(output.publish(1, log_of({{"a", 1}})));
    REQUIRE(output.publish(2, log_of({{"b", 2}})));
  }
  auto two_epochs = read_file(path);
  auto marker = read_file(marker_path(path));
  auto third = std::string{"{\"key\":{\"user\":\"c\"},\"value\":{\"n\":3,\"last\":\"x y\"}}\n"};
  for (size_t cut = 0; cut <= third.size(); ++cut) {
    // Some of the third epoch is written, and perhaps a part of its marker, not yet in its place.
    append_file(path, third.substr(0, cut));
    write_file(marker_path(path) + ".new", std::string{"keyfold-output 1 3 99"}.substr(0, cut));
    file_output output{settings(path), metrics()};
    REQUIRE(*output.open() == 2);
    CHECK(read_file(path) == two_epochs);
  }
  file_output output{settings(path), metrics()};
  REQUIRE(*output.open() == 2);
  REQUIRE(output.publish(3, log_of({{"c", 3}})));
  CHECK(read_file(path) == two_epochs + third);
  CHECK(read_file(marker_path(path)) != marker);
}

TEST_CASE("file output: a crash inside the very first epoch leaves an empty file") {
  temporary_folder folder;
  auto path = folder / "out";
  { CHECK(*file_output{settings(path), metrics()}.open() == 0); }
  append_file(path, "half a li");
  file_output output{settings(path), metrics()};
  CHECK(*output.open() == 0);
  CHECK(read_file(path).empty());
}

TEST_CASE("file output: files it cannot trust are refused for good") {
  temporary_folder folder;
  auto path = folder / "out";
  write_file(path, "somebody else's\n");
  file_output foreign{settings(path), metrics()};
  auto opened = foreign.open();
  REQUIRE_FALSE(opened);
  CHECK(opened.error().message
        == "output `out`: `" + path + "` has contents but no marker `" + path
               + ".epoch`: it was not written by this output; move it away or choose another path");
  CHECK(foreign.fatal());
  CHECK(foreign.status().reason == opened.error().message);
  CHECK(read_file(path) == "somebody else's\n");

  write_file(marker_path(path), "keyfold-output 1 3 100\n");
  CHECK_THAT(foreign.open().error().message,
             Contains("has 16 bytes, but its marker says that 100 were written"));
  CHECK(foreign.fatal());
  for (auto malformed :
       {"", "keyfold-output 1 3\n", "keyfold-output 1 3 x\n", "nonsense", "keyfold-output 1 3 10",
        "keyfold-output 2 3 10\n", "keyfold-output 1 3 10 1 2\n",
        "keyfold-output 2 3 10 4294967296 5\n", "keyfold-output 2 3 10 1 -5\n",
        "keyfold-output 2 3 10 1 99999999999999999999\n"}) {
    write_file(marker_path(path), malformed);
    CHECK_THAT(foreign.open().error().message, Contains("is malformed"));
  }
  write_file(marker_path(path), "keyfold-output 1 3 16\n");
  CHECK(*foreign.open() == 3);
  CHECK_FALSE(foreign.fatal());
}

namespace {

/// An output with two epochs, closed, and what the ledger kept of them.
struct two_epochs {
  temporary_folder folder;
  std::string path = folder / "out";
  std::string first, second; ///< contents
  std::string known_first, known_second;

  two_epochs() {
    file_output output{settings(path), metrics()};
    REQUIRE(output.open());
    REQUIRE(output.publish(1, log_of({{"a", 1}})));
    first = read_file(path);
    known_first = output.position();
    REQUIRE(output.publish(2, log_of({{"b", 2}})));
    second = read_file(path);
    known_second = output.position();
  }
  result<uint64_t> open(uint64_t epoch, const std::string& position) const {
    file_output output{settings(path), metrics()};
    output.recorded(epoch, position);
    auto opened = output.open();
    CHECK(output.fatal() == !opened);
    return opened;
  }
};

} // namespace

TEST_CASE("file output: its position in the ledger is the marker's contents and the path") {
  two_epochs x;
  auto size = std::to_string(x.first.size());
  CHECK(x.known_first.starts_with(size + " 0 "));
  CHECK(x.known_first.ends_with(" " + x.path));
  epoch_marker parted{7, 100, 3, std::chrono::sys_seconds{std::chrono::seconds{1700000000}}};
  CHECK(position_text(parted, "a b/out") == "100 3 1700000000 a b/out");
  auto read = read_position(7, "100 3 1700000000 a b/out", "a b/out");
  REQUIRE(read);
  CHECK(position_text(*read, "a b/out") == "100 3 1700000000 a b/out");
  CHECK(read->epoch == 7);
  for (auto* other : {"", "out", " out", "1 2 out", "1 2 x out", "1 2 3 4 out", "1 2 3 other",
                      "1 4294967296 3 out", "1 2 253402300800 out", "-1 2 3 out"})
    CHECK_FALSE(read_position(7, other, "out"));
}

TEST_CASE("file output: where the ledger knows more than the marker, it goes on behind that") {
  for (auto* marker : {"keyfold-output 1 1 5\n", "", "nonsense", "none"}) {
    two_epochs x;
    append_file(x.path, "half a li");
    if (marker == std::string_view{"none"})
      std::filesystem::remove(marker_path(x.path));
    else
      write_file(marker_path(x.path), marker);
    CHECK(*x.open(2, x.known_second) == 2);
    CHECK(read_file(x.path) == x.second);
    // The marker says so, too.
    CHECK(*x.open(0, "") == 2);
  }
}

TEST_CASE("file output: a marker that is newer than the ledger's mark counts") {
  two_epochs x;
  CHECK(*x.open(1, x.known_first) == 2);
  CHECK(read_file(x.path) == x.second);
}

TEST_CASE("file output: files that have less than the ledger knows are refused") {
  two_epochs x;
  // An older copy of the file and its marker.
  write_file(x.path, x.first);
  write_file(marker_path(x.path), "keyfold-output 1 1 " + std::to_string(x.first.size()) + "\n");
  CHECK_THAT(x.open(2, x.known_second).error().message,
             Contains("but the ledger says that " + std::to_string(x.second.size())
                      + " were written by epoch 2: it was cut, or replaced by an older one"));
  CHECK(read_file(x.path) == x.first);
  CHECK(*x.open(1, x.known_first) == 1);
  std::filesystem::remove(marker_path(x.path));
  CHECK_THAT(x.open(2, x.known_second).error().message, Contains("but the ledger says"));
  CHECK_FALSE(std::filesystem::exists(marker_path(x.path)));
  std::filesystem::remove(x.path);
  CHECK_THAT(x.open(2, x.known_second).error().message,
             Contains("`" + x.path + "` is missing, but the ledger says"));
  CHECK_FALSE(std::filesystem::exists(x.path));
  // What the ledger knows of another path says nothing of this one.
  CHECK(*x.open(2, "100 0 0 " + x.path + ".old") == 0);
}

TEST_CASE("file output: epochs only go forward, and changes must fit the columns") {
  temporary_folder folder;
  auto path = folder / "out";
  file_output output{settings(path), metrics()};
  CHECK_THAT(output.publish(1, "").error().message, Contains("is not open"));
  REQUIRE(output.open());
  REQUIRE(output.publish(5, log_of({{"a", 1}})));
  CHECK_THAT(output.publish(5, log_of({{"a", 1}})).error().message,
             Contains("epoch 5 cannot follow epoch 5"));
  CHECK(output.fatal());
  REQUIRE(*output.open() == 5);
  CHECK_THAT(output.publish(6, log_of({{"a", 1}}, 1)).error().message, Contains("does not fit"));
  REQUIRE(*output.open() == 5);
  CHECK_THAT(output.publish(6, "\x01\x02\x03").error().message, Contains("malformed"));
  REQUIRE(*output.open() == 5);
  REQUIRE(output.publish(6, ""));
}

TEST_CASE("file output: one program at a time writes a file") {
  temporary_folder folder;
  auto path = folder / "out";
  file_output first{settings(path), metrics()};
  REQUIRE(first.open());
  file_output second{settings(path), metrics()};
  CHECK_THAT(second.open().error().message, Contains("is being written by another program"));
  CHECK_FALSE(second.fatal());
}

TEST_CASE("file output: when the disk takes no more, nothing is lost or doubled later") {
  temporary_folder folder;
  auto path = folder / "out";
  file_output output{settings(path), metrics()};
  REQUIRE(output.open());
  REQUIRE(output.publish(1, log_of({{"a", 1}})));
  auto one_epoch = read_file(path);
  auto second = log_of({{"b", 2}, {"c", 3}});

  // A limit on the size of files behaves as a full disk does.
  auto before = std::signal(SIGXFSZ, SIG_IGN);
  rlimit unlimited{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &unlimited) == 0);
  auto limited = unlimited;
  limited.rlim_cur = one_epoch.size() + 60;
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &limited) == 0);
  auto published = output.publish(2, second);
  ::setrlimit(RLIMIT_FSIZE, &unlimited);
  std::signal(SIGXFSZ, before);

  REQUIRE_FALSE(published);
  CHECK_THAT(published.error().message, Contains("cannot write `" + path + "`"));
  CHECK_FALSE(output.fatal());
  CHECK_FALSE(output.status().ready);
  CHECK(read_file(path).size() > one_epoch.size());
  REQUIRE(*output.open() == 1);
  CHECK(read_file(path) == one_epoch);
  REQUIRE(output.publish(2, second));
  CHECK(output.status().ready);
  CHECK(read_file(path).size() == 3 * one_epoch.size());
}

TEST_CASE("file output: a folder that does not exist is named") {
  temporary_folder folder;
  file_output output{settings(folder / "missing/out"), metrics()};
  CHECK(output.open().error().message
        == "output `out`: cannot open `" + folder / "missing/out"
               + ".lock`: No such file or directory");
  CHECK_FALSE(output.fatal());
}
