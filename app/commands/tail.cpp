#include "app/commands/tail.hpp"

#include "app/avro_json.hpp"
#include "app/materialised_table.hpp"
#include "app/stream_reader.hpp"
#include "app/topic_reader.hpp"
#include "connectors/file/epoch_marker.hpp"
#include "connectors/file/part_files.hpp"

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
#include <unistd.h>

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

/// A file output's file, or its parts one after the other.
class file_feed final : public change_feed {
public:
  file_feed(std::string path, size_t key_columns, bool events)
      : path_(std::move(path)), key_columns_(key_columns), events_(events),
        parser_(key_columns, events) {}

  result<void> read(const std::function<void(table_change)>& take) override {
    auto marker = read_marker(path_);
    if (!marker)
      return tl::unexpected(marker.error());
    auto last = *marker ? (*marker)->part : 0;
    if (!part_)
      part_ = first_part(last);
    for (; *part_ < last; begin_part(*part_ + 1))
      if (auto done = read_part(UINT64_MAX, take); !done)
        return done;
    // Behind the marker an epoch is being written, or was left unfinished.
    return read_part(*marker ? (*marker)->length : UINT64_MAX, take);
  }

private:
  /// The oldest part that is kept.
  uint32_t first_part(uint32_t last) const {
    while (last > 0 && ::access(part_path(path_, last - 1).c_str(), F_OK) == 0)
      --last;
    return last;
  }

  void begin_part(uint32_t number) {
    part_ = number;
    position_ = line_ = 0;
    parser_ = change_line_parser{key_columns_, events_};
  }

  /// @param length of the part that may be read
  result<void> read_part(uint64_t length, const std::function<void(table_change)>& take) {
    auto path = part_path(path_, *part_);
    std::ifstream in{path, std::ios::binary};
    if (!in)
      return fail(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
    in.seekg(static_cast<std::streamoff>(position_));
    for (std::string line; std::getline(in, line) && !in.eof();) {
      if (position_ + line.size() + 1 > length)
        break;
      position_ += line.size() + 1;
      ++line_;
      if (line.empty())
        continue;
      auto change = parser_.parse(line);
      if (!change)
        return fail(fmt::format("{}:{} is not a change: {}", path, line_, change.error().message));
      if (*change)
        take(std::move(**change));
    }
    return {};
  }

  std::string path_;
  size_t key_columns_;
  bool events_;
  change_line_parser parser_;
  std::optional<uint32_t> part_;
  uint64_t position_ = 0;
  uint64_t line_ = 0;
};

/// Of records with keys, from a `topic_reader` or a `stream_reader`.
template <class Reader>
class record_feed final : public change_feed {
public:
  /// @param avro null: there is no registry
  record_feed(std::unique_ptr<Reader> reader, bool events, std::unique_ptr<avro_json> avro)
      : reader_(std::move(reader)), events_(events), avro_(std::move(avro)) {}

  result<void> read(const std::function<void(table_change)>& take) override {
    result<void> outcome;
    auto visit = [&](std::string_view place, std::optional<std::string_view> key,
                     std::optional<std::string_view> value) {
      auto change = change_of(key, value);
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
  result<table_change> change_of(std::optional<std::string_view> key,
                                 std::optional<std::string_view> value) {
    std::string texts[2];
    auto* text = texts;
    for (auto* part : {&key, &value}) {
      if (*part && looks_framed(**part) && avro_ == nullptr)
        return fail("it is in Avro, as it seems: name the schema registry with --registry URL");
      if (*part && looks_framed(**part)) {
        auto made = avro_->text(**part);
        if (!made)
          return tl::unexpected{made.error()};
        *text = std::move(*made);
        part->emplace(*text);
      }
      ++text;
    }
    return read_topic_change(key, value, events_);
  }

  std::unique_ptr<Reader> reader_;
  bool events_;
  std::unique_ptr<avro_json> avro_;
};

/// Secrets come from the environment: a command line is there for everybody to read.
std::unique_ptr<avro_json> avro_of(const tail_options& options) {
  if (options.registry.empty())
    return nullptr;
  auto secret = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string{value == nullptr ? "" : value};
  };
  registry_settings settings;
  settings.url = options.registry;
  settings.http.user = options.registry_username;
  settings.http.password = options.registry_username.empty() ? "" : secret("REGISTRY_PASSWORD");
  settings.http.token = secret("REGISTRY_TOKEN");
  settings.http.ca_certificate = options.registry_ca;
  auto registry =
      std::make_shared<schema_registry>(settings, std::make_shared<prometheus::Registry>());
  return std::make_unique<avro_json>(registry, std::chrono::seconds{options.timeout_s});
}

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
  return std::make_unique<record_feed<topic_reader>>(std::move(*reader), options.events,
                                                     avro_of(options));
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
      std::make_unique<stream_reader>(std::move(*settings)), options.events, avro_of(options));
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
  app.add_option("--registry", options.registry,
                 "URL of the schema registry of records in Avro, all before /schemas/ids; a "
                 "password or token is taken from "
                 "the environment: REGISTRY_PASSWORD, REGISTRY_TOKEN");
  app.add_option("--registry-username", options.registry_username, "Of the registry");
  app.add_option("--registry-ca", options.registry_ca, "A file of certificates to trust, in PEM")
      ->check(CLI::ExistingFile);
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
