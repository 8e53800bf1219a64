#include "app/commands/tail.hpp"

#include "app/materialised_table.hpp"
#include "app/stream_reader.hpp"
#include "app/topic_reader.hpp"
#include "connectors/file/epoch_marker.hpp"

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <map>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <thread>

namespace keyfold {

namespace {

constexpr auto look_again_after = std::chrono::milliseconds{200};
constexpr std::string_view kafka_scheme = "kafka://";
constexpr std::string_view s2_scheme = "s2://";

/// Where changes come from: a file, a topic or a stream of S2.
class change_feed {
public:
  virtual ~change_feed() = default;
  /// Hands over what there is and was not handed over before.
  virtual result<void> read(const std::function<void(table_change)>& take) = 0;
};

class file_feed final : public change_feed {
public:
  file_feed(std::string path, size_t key_columns, bool events)
      : path_(std::move(path)), parser_(key_columns, events) {}

  result<void> read(const std::function<void(table_change)>& take) override {
    std::ifstream in{path_, std::ios::binary};
    if (!in)
      return fail(fmt::format("cannot read {}: {}", path_, std::strerror(errno)));
    auto marker = read_marker(path_);
    if (!marker)
      return tl::unexpected(marker.error());
    in.seekg(static_cast<std::streamoff>(position_));
    for (std::string line; std::getline(in, line) && !in.eof();) {
      // Behind the marker an epoch is being written, or was left unfinished.
      if (*marker && position_ + line.size() + 1 > (*marker)->length)
        break;
      position_ += line.size() + 1;
      ++line_;
      if (line.empty())
        continue;
      auto change = parser_.parse(line);
      if (!change)
        return fail(fmt::format("{}:{} is not a change: {}", path_, line_, change.error().message));
      if (*change)
        take(std::move(**change));
    }
    return {};
  }

private:
  std::string path_;
  change_line_parser parser_;
  uint64_t position_ = 0;
  uint64_t line_ = 0;
};

/// Of records with keys, from a `topic_reader` or a `stream_reader`.
template <class Reader>
class record_feed final : public change_feed {
public:
  record_feed(std::unique_ptr<Reader> reader, bool events)
      : reader_(std::move(reader)), events_(events) {}

  result<void> read(const std::function<void(table_change)>& take) override {
    result<void> outcome;
    auto visit = [&](std::string_view place, std::optional<std::string_view> key,
                     std::optional<std::string_view> value) {
      auto change = read_topic_change(key, value, events_);
      if (change)
        take(std::move(*change));
      else if (outcome)
        outcome = fail(fmt::format("{} is not a change: {}", place, change.error().message));
    };
    if (auto done = reader_->read_to_end(visit); !done)
      return done;
    return outcome;
  }

private:
  std::unique_ptr<Reader> reader_;
  bool events_;
};

result<std::map<std::string, std::string>> properties_of(const tail_options& options) {
  std::map<std::string, std::string> out;
  for (const auto& property : options.properties) {
    auto equals = property.find('=');
    if (equals == std::string::npos)
      return fail(fmt::format("--property {} has no value; write NAME=VALUE", property));
    out[property.substr(0, equals)] = property.substr(equals + 1);
  }
  return out;
}

result<std::unique_ptr<change_feed>> open_topic(std::string_view address,
                                                std::map<std::string, std::string> properties,
                                                const tail_options& options) {
  auto settings = parse_topic_address(address);
  if (!settings)
    return tl::unexpected(settings.error());
  settings->timeout = std::chrono::seconds{options.timeout_s};
  settings->properties = std::move(properties);
  auto reader = topic_reader::open(*settings);
  if (!reader)
    return tl::unexpected(reader.error());
  return std::make_unique<record_feed<topic_reader>>(std::move(*reader), options.events);
}

/// The access token is best kept out of the command line, which others can see.
result<std::unique_ptr<change_feed>> open_stream(std::string_view address,
                                                 std::map<std::string, std::string> properties,
                                                 const tail_options& options) {
  if (const auto* token = std::getenv("S2_ACCESS_TOKEN"); token != nullptr)
    properties.emplace("token", token);
  auto settings = parse_stream_address(address, properties);
  if (!settings)
    return tl::unexpected(settings.error());
  settings->basin.http.timeout = std::chrono::seconds{options.timeout_s};
  return std::make_unique<record_feed<stream_reader>>(
      std::make_unique<stream_reader>(std::move(*settings)), options.events);
}

result<std::unique_ptr<change_feed>> open_feed(const tail_options& options) {
  std::string_view target{options.target};
  auto topic = target.starts_with(kafka_scheme);
  if (!topic && !target.starts_with(s2_scheme))
    return std::make_unique<file_feed>(options.target, options.key_columns, options.events);
  auto properties = properties_of(options);
  if (!properties)
    return tl::unexpected(properties.error());
  return topic ? open_topic(target.substr(kafka_scheme.size()), std::move(*properties), options)
               : open_stream(target.substr(s2_scheme.size()), std::move(*properties), options);
}

bool write_out(const std::string& text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size()
         && std::fflush(stdout) == 0;
}

result<void> follow(change_feed& feed) {
  auto written = true;
  while (written) {
    auto done =
        feed.read([&](const table_change& x) { written = written && write_out(json_line(x)); });
    if (!done)
      return done;
    std::this_thread::sleep_for(look_again_after);
  }
  return {}; // nobody reads on
}

result<void> tail(const tail_options& options) {
  auto feed = open_feed(options);
  if (!feed)
    return tl::unexpected(feed.error());
  {
    materialised_table table;
    auto written = true;
    auto done = (*feed)->read([&](table_change x) {
      if (options.json && x.event)
        written = written && write_out(json_line(x));
      else
        table.apply(std::move(x));
    });
    if (!done)
      return done;
    if (!written || !write_out(options.json ? table.json_lines() : table.text()))
      return fail(fmt::format("cannot write to standard output: {}", std::strerror(errno)));
  }
  return options.follow ? follow(**feed) : result<void>{};
}

} // namespace

void add_tail_options(CLI::App& app, tail_options& options) {
  app.add_option("TARGET", options.target,
                 "A file that a file output writes, kafka://HOST:PORT/TOPIC, or s2://BASIN/STREAM")
      ->required();
  app.add_flag("-f,--follow", options.follow,
               "After the table, print every further change as a line of JSON");
  app.add_flag("--json", options.json,
               "Print a JSON object per row, and per event, instead of a table");
  app.add_flag("--events", options.events,
               "The target has events of streams in CSV, or records with keys that are events");
  app.add_option("--key-columns", options.key_columns, "How many columns of a CSV file are the key")
      ->capture_default_str()
      ->check(CLI::Range(1, 100));
  app.add_option(
      "-X,--property", options.properties,
      "A setting of librdkafka, or of S2 (endpoint, token, ca_certificate), NAME=VALUE; may "
      "be given more than once");
  app.add_option("--timeout", options.timeout_s, "Seconds to wait for an answer")
      ->capture_default_str()
      ->check(CLI::Range(1, 3600));
  app.footer("Examples:\n"
             "  keyfold tail data/features.jsonl\n"
             "  keyfold tail kafka://127.0.0.1:9092/features --json\n"
             "  keyfold tail kafka://127.0.0.1:9092/conversions     (events: the newest 1000)\n"
             "  keyfold tail kafka://broker:9093/features -X security.protocol=ssl --follow\n"
             "  keyfold tail s2://my-basin/feature/top-queries      (token: S2_ACCESS_TOKEN)\n"
             "  keyfold tail s2://my-basin/rollup -X endpoint=http://127.0.0.1:18080\n"
             "Exit status: 0 printed, 1 cannot be read, 2 a mistake in the arguments.");
}

int run_tail(const tail_options& options) {
  // Standard output is the table's: what librdkafka has to say goes elsewhere.
  spdlog::set_default_logger(
      std::make_shared<spdlog::logger>("tail", std::make_shared<spdlog::sinks::stderr_sink_mt>()));
  spdlog::set_level(spdlog::level::err);
  auto done = tail(options);
  if (done)
    return 0;
  fmt::print(stderr, "keyfold tail: {}\n", done.error().message);
  return 1;
}

} // namespace keyfold
