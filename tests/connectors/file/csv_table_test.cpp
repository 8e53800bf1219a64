#include "temporary_folder.hpp"

#include "connectors/file/csv_records.hpp"
#include "connectors/file/csv_table_source.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <random>
#include <thread>

using namespace keyfold;
using namespace keyfold::testing;
using namespace std::chrono_literals;
using Catch::Contains;

namespace {

stream_field field(const char* name, const char* type, bool nullable = true) {
  stream_field out;
  out.name = name;
  out.type = *parse_data_type(type);
  out.nullable = nullable;
  out.path = {name};
  return out;
}

csv_table_settings users(const std::string& path) {
  csv_table_settings out;
  auto schema = std::make_shared<stream_schema>();
  schema->name = "users";
  schema->fields = {field("id", "int32", false), field("name", "string")};
  std::vector<column> columns;
  for (const auto& x : schema->fields)
    columns.push_back({x.name, x.type});
  out.held = std::make_shared<table>("users", columns, std::vector<uint32_t>{0});
  out.schema = schema;
  out.format.format = record_format::csv;
  out.format.header = true;
  out.path = path;
  out.settle = 40ms;
  return out;
}

/// A table of a file in a folder of its own.
class file_table {
public:
  explicit file_table(std::function<void(csv_table_settings&)> change = [](auto&) {})
      : settings_(users(folder / "users.csv")) {
    change(settings_);
  }

  std::string path() const { return settings_.path; }
  /// Loads the table for the first time; the error, or an empty text.
  std::string load() {
    source_ = std::make_unique<csv_table_source>(settings_, metrics_, letters);
    auto loaded = source_->load();
    return loaded ? std::string{} : loaded.error().message;
  }
  void follow() { source_->start(); }
  void stop() { source_->stop(); }
  uint64_t version() const { return settings_.held->current()->version(); }
  uint32_t rows() const { return settings_.held->current()->rows(); }
  std::string name_of(int64_t id) const {
    auto now = settings_.held->current();
    auto row = now->find(std::vector{cell::integer(id)});
    return row ? std::string{now->value(*row, 1).as_text()} : "none";
  }
  bool until(const std::function<bool()>& done, std::chrono::milliseconds patience = 20s) const {
    auto end = std::chrono::steady_clock::now() + patience;
    while (!done() && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(2ms);
    return done();
  }
  double metric(const std::string& name, const prometheus::Labels& labels = {}) const {
    for (const auto& family : metrics_->Collect())
      for (const auto& x : family.metric) {
        auto matches = family.name == name;
        for (const auto& [key, value] : labels)
          matches = matches && std::any_of(x.label.begin(), x.label.end(), [&](const auto& l) {
                      return l.name == key && l.value == value;
                    });
        if (matches)
          return family.type == prometheus::MetricType::Gauge ? x.gauge.value : x.counter.value;
      }
    return -1;
  }
  double failed(const char* reason) const {
    return metric("keyfold_table_failed_loads_total", {{"table", "users"}, {"reason", reason}});
  }

  temporary_folder folder;
  std::shared_ptr<dead_letter_queue> letters = std::make_shared<dead_letter_queue>();

private:
  csv_table_settings settings_;
  std::shared_ptr<metrics_registry> metrics_ = std::make_shared<metrics_registry>();
  std::unique_ptr<csv_table_source> source_;
};

/// `text` as records: `line:text`, those that are bad with a `!`.
std::vector<std::string> records_of(const temporary_folder& folder, const std::string& text) {
  auto path = folder / "records.csv";
  write_file(path, text);
  auto descriptor = ::open(path.c_str(), O_RDONLY);
  csv_records records{descriptor, ','};
  std::vector<std::string> out;
  for (auto next = records.next(); *next != csv_records::outcome::at_end; next = records.next())
    out.push_back((*next == csv_records::outcome::bad ? "!" : "") + std::to_string(records.line())
                  + ":" + std::string{records.text().substr(0, 100)});
  ::close(descriptor);
  return out;
}

} // namespace

TEST_CASE("csv records: a record is a line, but for line breaks inside quotes") {
  temporary_folder folder;
  using lines = std::vector<std::string>;
  CHECK(records_of(folder, "a,b\r\n\n1,2") == lines{"1:a,b", "3:1,2"});
  CHECK(records_of(folder, "1,\"a\nb\r\nc\",x\n2,y\n") == lines{"1:1,\"a\nb\nc\",x", "4:2,y"});
  CHECK(records_of(folder, "\"\"\"\n\",1\n\"\",2\n") == lines{"1:\"\"\"\n\",1", "3:\"\",2"});
  // A quote inside a field that is not quoted opens nothing.
  CHECK(records_of(folder, "1,5\" disk\n2,6\" disk\n") == lines{"1:1,5\" disk", "2:2,6\" disk"});
  CHECK(records_of(folder, "1,\"a\"b,\"c\nd\"\n2,x\n") == lines{"1:1,\"a\"b,\"c\nd\"", "3:2,x"});
  CHECK(records_of(folder, "").empty());
}

TEST_CASE("csv records: an open quote costs its own line and no other") {
  temporary_folder folder;
  using lines = std::vector<std::string>;
  CHECK(records_of(folder, "1,a\n2,\"b\n3,c\n4,d\n")
        == lines{"1:1,a", "!2:2,\"b", "3:3,c", "4:4,d"});
  std::string far = "1,\"a\n";
  for (int i = 0; i < 3; ++i)
    far += "2," + std::string(max_line_bytes / 2, 'x') + "\n";
  far += "3,\"\n";
  auto found = records_of(folder, far);
  REQUIRE(found.size() == 5);
  CHECK(found[0] == "!1:1,\"a");
  CHECK(found[1].substr(0, 5) == "2:2,x");
  CHECK(found[4] == "!5:3,\"");
  found = records_of(folder, "1,a\n" + std::string(max_line_bytes + 1, 'x') + "\n2,b\n");
  REQUIRE(found.size() == 3);
  CHECK(found[1].substr(0, 4) == "!2:x");
  CHECK(found[2] == "3:2,b");
}

TEST_CASE("csv records: arbitrary bytes give every line once") {
  auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random{seed};
  temporary_folder folder;
  for (int round = 0; round < 200; ++round) {
    std::string text;
    for (auto size = random() % 300; size > 0; --size)
      text += "\",\na\rb"[random() % 6];
    auto found = records_of(folder, text);
    uint64_t last = 0;
    for (const auto& record : found) {
      auto line = std::stoull(record.substr(record[0] == '!' ? 1 : 0));
      CHECK(line > last);
      last = line;
    }
  }
}

TEST_CASE("csv table: a file is loaded; bad rows are dead letters, and the rest is there") {
  file_table made;
  write_file(made.path(), "name,id,extra\nann,1,x\nbob,two,x\n\"two\nlines\",3,x\nno id,,x\n"
                          "short,4\n\"open,5,x\nlast,6,x\nlater ann,1,x\n");
  REQUIRE(made.load() == "");
  CHECK(made.rows() == 3);
  CHECK(made.name_of(1) == "later ann");
  CHECK(made.name_of(3) == "two\nlines");
  CHECK(made.name_of(6) == "last");
  auto letters = made.letters->take();
  REQUIRE(letters.size() == 4);
  CHECK(letters[0].stream == "table users");
  CHECK(letters[0].place == made.path() + ":3");
  CHECK_THAT(letters[0].reason, Contains("field `id`: expected an int32, found \"two\""));
  CHECK(letters[0].payload == "bob,two,x");
  CHECK(letters[1].place == made.path() + ":6");
  CHECK_THAT(letters[1].reason, Contains("field `id` is required but null"));
  CHECK(letters[2].place == made.path() + ":7");
  CHECK_THAT(letters[2].reason, Contains("expected 3 columns, found 2"));
  CHECK(letters[3].place == made.path() + ":8");
  CHECK_THAT(letters[3].reason, Contains("not closed"));
  CHECK(made.metric("keyfold_table_rows") == 3);
  CHECK(made.metric("keyfold_table_bad_rows_total") == 4);
  CHECK(made.metric("keyfold_table_duplicate_keys_total") == 1);
  CHECK(made.metric("keyfold_table_loads_total") == 1);
  CHECK(made.metric("keyfold_table_version") == 1);
  CHECK(made.metric("keyfold_table_bytes") > 100);
}

TEST_CASE("csv table: a file without a header, with another delimiter and a byte order mark") {
  file_table made{[](auto& x) {
    x.format.header = false;
    x.format.columns = {"id", "name"};
    x.format.delimiter = ';';
  }};
  write_file(made.path(), "\xef\xbb\xbf"
                          "1;ann\r\n2;\"b;b\"");
  REQUIRE(made.load() == "");
  CHECK(made.name_of(1) == "ann");
  CHECK(made.name_of(2) == "b;b");
  write_file(made.path(), "\n");
  REQUIRE(made.load() == "");
  CHECK(made.rows() == 0);
}

TEST_CASE("csv table: a start without a good file is refused with the remedy") {
  file_table made{[](auto& x) {
    x.max_bad_rows = 1;
    x.bounds.max_rows = 2;
  }};
  CHECK_THAT(made.load(),
             Contains("table `users`: `" + made.path() + "` is not there: put the file there"));
  write_file(made.path(), "");
  CHECK_THAT(made.load(), Contains("is empty"));
  write_file(made.path(), "\n\n");
  CHECK_THAT(made.load(), Contains("has no header"));
  write_file(made.path(), "id,nam\n1,ann\n");
  CHECK_THAT(made.load(), Contains(made.path()
                                   + ":1: table `users`: the CSV columns are id, nam: "
                                     "none of them is `name`"));
  write_file(made.path(), "id,name\nx,ann\ny,bob\n1,c\n");
  CHECK_THAT(made.load(), Contains("more than 1 rows of") && Contains("line 3")
                              && Contains("raise the table's `max_bad_rows`"));
  CHECK(made.failed("too_many_bad_rows") == 1);
  write_file(made.path(), "id,name\n1,a\n2,b\n3,c\n");
  CHECK_THAT(made.load(), Contains("has more than 2 rows: raise the table's `max_rows`"));
  CHECK(made.failed("too_many_rows") == 1);
  CHECK(made.failed("unreadable") == 4);
  std::filesystem::remove(made.path());
  std::filesystem::create_directory(made.path());
  CHECK_THAT(made.load(), Contains("cannot be read"));
}

TEST_CASE("csv table: a file that takes too much memory is refused") {
  file_table made{[](auto& x) { x.bounds.max_bytes = 1u << 20; }};
  std::string text = "id,name\n";
  for (int i = 0; i < 5000; ++i)
    text += fmt::format("{},{}{}\n", i, std::string(300, 'x'), i);
  write_file(made.path(), text);
  CHECK_THAT(made.load(),
             Contains("needs more than 1048576 bytes of memory: raise the table's `max_memory`"));
  CHECK(made.failed("too_many_bytes") == 1);
}

TEST_CASE("csv table: a file of ten million rows is refused at its bound, not read to the end") {
  file_table made;
  {
    std::string block;
    auto descriptor = ::open(made.path().c_str(), O_WRONLY | O_CREAT, 0600);
    REQUIRE(descriptor >= 0);
    block = "id,name\n";
    for (int i = 0; i < 10'000'000; ++i) {
      auto text = fmt::format_int(i);
      block.append(text.data(), text.size()).append(",a\n");
      if (block.size() < 1u << 20 && i + 1 < 10'000'000)
        continue;
      REQUIRE(::write(descriptor, block.data(), block.size())
              == static_cast<ssize_t>(block.size()));
      block.clear();
    }
    ::close(descriptor);
  }
  CHECK_THAT(made.load(), Contains("has more than 1000000 rows"));
  CHECK(made.failed("too_many_rows") == 1);
}

TEST_CASE("csv table: a file replaced by a rename is loaded again, one that is bad is not") {
  file_table made{[](auto& x) { x.max_bad_rows = 0; }};
  write_file(made.path(), "id,name\n1,ann\n");
  REQUIRE(made.load() == "");
  made.follow();
  auto replace = [&](const std::string& text) {
    write_file(made.folder / "new", text);
    std::filesystem::rename(made.folder / "new", made.path());
  };
  replace("id,name\n1,anna\n2,bob\n");
  REQUIRE(made.until([&] { return made.version() == 2; }));
  CHECK(made.name_of(1) == "anna");
  CHECK(made.rows() == 2);

  replace("id,name\n1,bad\nx,y\n");
  REQUIRE(made.until([&] { return made.failed("too_many_bad_rows") == 1; }));
  replace("number,name\n1,bad\n");
  REQUIRE(made.until([&] { return made.failed("unreadable") == 1; }));
  std::filesystem::remove(made.path());
  REQUIRE(made.until([&] { return made.failed("unreadable") == 2; }));
  CHECK(made.name_of(1) == "anna");
  CHECK(made.version() == 2);

  replace("id,name\n1,ann again\n");
  REQUIRE(made.until([&] { return made.version() == 3; }));
  CHECK(made.name_of(1) == "ann again");
  CHECK(made.rows() == 1);
  made.stop();
  CHECK(made.failed("unreadable") == 2); // told once each, not at every look
  CHECK(made.metric("keyfold_table_loads_total") == 3);
}

TEST_CASE("csv table: a file written in place is loaded when it is still, not before") {
  file_table made{[](auto& x) { x.settle = 1s; }};
  write_file(made.path(), "id,name\n1,ann\n");
  REQUIRE(made.load() == "");
  made.follow();
  write_file(made.path(), "id,name\n1,half\n");
  for (int i = 2; i < 12; ++i) {
    std::this_thread::sleep_for(50ms);
    append_file(made.path(), fmt::format("{},more\n", i));
    CHECK(made.version() == 1);
  }
  REQUIRE(made.until([&] { return made.version() == 2; }));
  CHECK(made.rows() == 11);
  CHECK(made.name_of(1) == "half");
  std::this_thread::sleep_for(1200ms);
  CHECK(made.version() == 2); // and not read again for nothing
  made.stop();
}

TEST_CASE("csv table: what a link leads to is followed") {
  file_table made;
  write_file(made.folder / "v1", "id,name\n1,one\n");
  write_file(made.folder / "v2", "id,name\n1,two\n");
  std::filesystem::create_symlink("v1", made.path());
  REQUIRE(made.load() == "");
  made.follow();
  std::filesystem::create_symlink("v2", made.folder / "next");
  std::filesystem::rename(made.folder / "next", made.path());
  REQUIRE(made.until([&] { return made.name_of(1) == "two"; }));
  made.stop();
}

TEST_CASE("csv table: a load waits for room for its dead letters") {
  file_table made;
  std::vector<dead_letter> others{{"s", "p", "r", std::string(dead_letter_queue::max_bytes, 'x')}};
  REQUIRE(made.letters->offer(others));
  write_file(made.path(), "id,name\nx,ann\n1,bob\n");
  REQUIRE(made.load() == "");
  CHECK(made.metric("keyfold_table_dead_letter_stalls_total") == 1);
  made.follow();
  write_file(made.path(), "id,name\n1,changed\n");
  std::this_thread::sleep_for(150ms);
  CHECK(made.version() == 1);
  CHECK(made.letters->take().size() == 1);
  REQUIRE(made.until([&] { return made.version() == 2; }));
  auto letters = made.letters->take();
  REQUIRE(letters.size() == 1);
  CHECK(letters[0].payload == "x,ann");
  made.stop();
}
