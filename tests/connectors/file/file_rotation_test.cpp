#include "connectors/file/file_output.hpp"
#include "connectors/file/part_files.hpp"

#include "../../support/metric_value.hpp"
#include "../changes.hpp"
#include "temporary_folder.hpp"

#include <algorithm>
#include <random>
#include <set>

using namespace keyfold;
using namespace keyfold::testing;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {

constexpr std::string_view header = "change,user,n,last\n";

/// An output in parts, with a clock of its own.
class parted {
public:
  explicit parted(file_rotation rotate) {
    settings_.name = "out";
    settings_.path = folder_ / "out.csv";
    settings_.format = row_format::csv;
    settings_.columns = {counts()};
    settings_.rotate = rotate;
    settings_.now = [this] { return now; };
    begin();
  }
  void begin() {
    output_.reset();
    output_ = std::make_unique<file_output>(settings_, metrics);
    marker = output_->open().value();
  }
  result<void> publish(uint64_t epoch, const std::vector<std::pair<std::string, int64_t>>& rows) {
    return output_->publish(epoch, log_of(rows));
  }
  std::string part(uint32_t number) const { return part_path(settings_.path, number); }
  /// Names in the folder, without those that are not parts.
  std::set<std::string> parts() const {
    std::set<std::string> out;
    for (const auto& x : std::filesystem::directory_iterator{folder_.path()})
      if (x.path().extension() == ".csv")
        out.insert(x.path().filename());
    return out;
  }
  file_output& output() { return *output_; }
  file_output_settings& settings() { return settings_; }
  void end() { output_.reset(); }

  std::chrono::system_clock::time_point now{std::chrono::sys_days{2024y / 5 / 1}};
  std::shared_ptr<metrics_registry> metrics = std::make_shared<metrics_registry>();
  uint64_t marker = 0;

private:
  temporary_folder folder_;
  file_output_settings settings_;
  std::unique_ptr<file_output> output_;
};

} // namespace

TEST_CASE("file rotation: how parts are called") {
  CHECK(part_path("a/out.csv", 0) == "a/out.csv");
  CHECK(part_path("a/out.csv", 7) == "a/out-000007.csv");
  CHECK(part_path("a.b/out", 1234567) == "a.b/out-1234567");
  CHECK(part_path(".hidden", 1) == ".hidden-000001");
  CHECK(part_path("a/.hidden.csv", 1) == "a/.hidden-000001.csv");
}

TEST_CASE("file rotation: a part ends with the line that reaches the size, and each has a header") {
  parted x{{header.size() + 25, 0s, 0}};
  REQUIRE(x.publish(1, {{"a", 1}, {"b", 2}, {"c", 3}}));
  REQUIRE(x.publish(2, {{"d", 4}, {"e", 5}}));
  CHECK(x.parts() == std::set<std::string>{"out-000001.csv", "out-000002.csv", "out-000003.csv"});
  CHECK(read_file(x.part(1)) == std::string{header} + "upsert,a,1,\"x y\"\nupsert,b,2,\"x y\"\n");
  CHECK(read_file(x.part(2)) == std::string{header} + "upsert,c,3,\"x y\"\nupsert,d,4,\"x y\"\n");
  CHECK(read_file(x.part(3)) == std::string{header} + "upsert,e,5,\"x y\"\n");
  CHECK(metric_value(*x.metrics, "keyfold_file_output_parts_total") == 2);
}

TEST_CASE("file rotation: without a header there is none in any part") {
  parted x{{1, 0s, 0}};
  x.end();
  x.settings().header = false;
  x.begin();
  REQUIRE(x.publish(1, {{"a", 1}, {"b", 2}}));
  CHECK(read_file(x.part(1)) == "upsert,a,1,\"x y\"\n");
  CHECK(read_file(x.part(2)) == "upsert,b,2,\"x y\"\n");
}

TEST_CASE("file rotation: a part ends with the first epoch after its time, also over a restart") {
  parted x{{0, 1h, 0}};
  REQUIRE(x.publish(1, {{"a", 1}}));
  x.now += 59min;
  REQUIRE(x.publish(2, {{"b", 2}}));
  x.begin();
  CHECK(x.marker == 2);
  x.now += 1min;
  REQUIRE(x.publish(3, {{"c", 3}}));
  x.now += 59min;
  REQUIRE(x.publish(4, {{"d", 4}}));
  CHECK(x.parts() == std::set<std::string>{"out-000001.csv", "out-000002.csv"});
  CHECK(read_file(x.part(2)) == std::string{header} + "upsert,c,3,\"x y\"\nupsert,d,4,\"x y\"\n");
}

TEST_CASE("file rotation: epochs without rows begin no part") {
  parted x{{0, 1s, 0}};
  for (uint64_t epoch = 1; epoch < 4; ++epoch) {
    x.now += 1h;
    REQUIRE(x.publish(epoch, {}));
  }
  CHECK(x.parts() == std::set<std::string>{"out-000001.csv"});
}

TEST_CASE("file rotation: only the newest parts are kept, if so asked") {
  parted x{{1, 0s, 2}};
  REQUIRE(x.publish(1, {{"a", 1}, {"b", 2}, {"c", 3}, {"d", 4}}));
  CHECK(x.parts() == std::set<std::string>{"out-000003.csv", "out-000004.csv"});
  REQUIRE(x.publish(2, {{"e", 5}}));
  CHECK(x.parts() == std::set<std::string>{"out-000004.csv", "out-000005.csv"});
  CHECK(metric_value(*x.metrics, "keyfold_file_output_removed_parts_total") == 3);
}

TEST_CASE("file rotation: what a crash left of an epoch is gone, in however many parts it was") {
  auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random{seed};
  for (int round = 0; round < 20; ++round) {
    parted x{{100, 0s, 0}};
    REQUIRE(x.publish(1, {{"a", 1}, {"b", 2}, {"c", 3}, {"d", 4}, {"e", 5}, {"f", 6}}));
    auto marker = read_file(marker_path(x.settings().path));
    std::vector<std::string> before;
    for (uint32_t i = 1; i <= x.parts().size(); ++i)
      before.push_back(read_file(x.part(i)));
    std::vector<std::pair<std::string, int64_t>> rows;
    for (size_t i = 0; i < random() % 40; ++i)
      rows.emplace_back("g" + std::to_string(i), i);
    REQUIRE(x.publish(2, rows));
    auto count = x.parts().size();
    std::vector<std::string> after;
    for (uint32_t i = 1; i <= count; ++i)
      after.push_back(read_file(x.part(i)));
    x.end();

    // The kill came before the marker; the last part was not yet all written.
    write_file(marker_path(x.settings().path), marker);
    auto last = static_cast<uint32_t>(count);
    if (count > before.size())
      write_file(x.part(last), after.back().substr(0, random() % (after.back().size() + 1)));
    x.begin();
    CHECK(x.marker == 1);
    REQUIRE(x.parts().size() == before.size());
    for (uint32_t i = 1; i <= before.size(); ++i)
      CHECK(read_file(x.part(i)) == before[i - 1]);

    REQUIRE(x.publish(2, rows));
    REQUIRE(x.parts().size() == count);
    for (uint32_t i = 1; i <= count; ++i)
      CHECK(read_file(x.part(i)) == after[i - 1]);
  }
}

TEST_CASE("file rotation: begun later, the file there is the first part; ended, the last goes on") {
  parted x{{}};
  REQUIRE(x.publish(1, {{"a", 1}}));
  CHECK(x.parts() == std::set<std::string>{"out.csv"});
  x.end();
  x.settings().rotate.size = 1;
  x.settings().rotate.keep = 1;
  x.begin();
  CHECK(x.marker == 1);
  REQUIRE(x.publish(2, {{"b", 2}}));
  CHECK(x.parts() == std::set<std::string>{"out.csv", "out-000001.csv"});
  x.end();
  x.settings().rotate = {};
  x.begin();
  REQUIRE(x.publish(3, {{"c", 3}}));
  CHECK(x.parts() == std::set<std::string>{"out.csv", "out-000001.csv"});
  CHECK(read_file(x.part(1)) == std::string{header} + "upsert,b,2,\"x y\"\nupsert,c,3,\"x y\"\n");
}

TEST_CASE("file rotation: an output without it removes no file that is called as a part") {
  parted x{{}};
  write_file(x.part(1), "somebody else's");
  x.begin();
  REQUIRE(x.publish(1, {{"a", 1}}));
  CHECK(read_file(x.part(1)) == "somebody else's");
}

TEST_CASE("file rotation: a first part that is somebody else's is refused, one that was cut too") {
  parted x{{}};
  x.end();
  x.settings().path += "x";
  x.settings().rotate.size = 1;
  write_file(x.part(1), "somebody else's");
  file_output foreign{x.settings(), x.metrics};
  CHECK_THAT(foreign.open().error().message,
             Contains("out-000001.csvx` has contents but no marker"));
  CHECK(foreign.fatal());
  std::filesystem::remove(x.part(1));
  x.begin();
  REQUIRE(x.publish(1, {{"a", 1}}));
  x.end();
  write_file(x.part(1), "cut");
  CHECK_THAT(foreign.open().error().message, Contains("has 3 bytes, but its marker says"));
}

TEST_CASE(
    "file rotation: parts behind what the ledger knows are removed, one that lacks is refused") {
  parted x{{}};
  x.end();
  x.settings().path += "y";
  x.settings().rotate.size = 1;
  file_output output{x.settings(), x.metrics};
  REQUIRE(output.open());
  REQUIRE(output.publish(1, log_of({{"a", 1}, {"b", 2}})));
  auto known = output.position();
  REQUIRE(output.publish(2, log_of({{"c", 3}})));
  std::filesystem::remove(marker_path(x.settings().path));
  output.recorded(1, known);
  CHECK(*output.open() == 1);
  CHECK(std::filesystem::exists(x.part(2)));
  CHECK_FALSE(std::filesystem::exists(x.part(3)));
  std::filesystem::remove(marker_path(x.settings().path));
  std::filesystem::remove(x.part(2));
  CHECK_THAT(output.open().error().message, Contains("-000002.csvy` is missing, but the ledger"));
}

TEST_CASE("file output: without sync the file and its marker are the same") {
  parted x{{}};
  x.end();
  x.settings().sync = false;
  x.begin();
  REQUIRE(x.publish(1, {{"a", 1}}));
  CHECK(read_file(x.part(0)) == std::string{header} + "upsert,a,1,\"x y\"\n");
  CHECK(read_file(marker_path(x.part(0)))
        == "keyfold-output 1 1 " + std::to_string(read_file(x.part(0)).size()) + "\n");
}
