#include "app/commands/generate.hpp"

#include "features/result.hpp"

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fmt/format.h>
#include <librdkafka/rdkafka.h>
#include <map>
#include <memory>
#include <span>
#include <thread>
#include <utility>

namespace keyfold {

namespace {

/// Where events go. One thread.
class event_sink {
public:
  virtual ~event_sink() = default;
  virtual result<void> write(std::string_view key, std::string_view value) = 0;
  /// Returns once everything written is where it should be.
  virtual result<void> finish() = 0;
};

class file_sink : public event_sink {
public:
  static result<std::unique_ptr<event_sink>> open(const std::string& path) {
    auto* file = path == "-" ? stdout : std::fopen(path.c_str(), "wb");
    if (file == nullptr)
      return fail(
          fmt::format("cannot write {}: {}; choose another --output", path, std::strerror(errno)));
    return std::make_unique<file_sink>(file, path);
  }
  file_sink(std::FILE* file, std::string path) : file_(file), path_(std::move(path)) {}
  ~file_sink() override {
    if (file_ != stdout)
      std::fclose(file_);
  }

  result<void> write(std::string_view, std::string_view value) override {
    if (std::fwrite(value.data(), 1, value.size(), file_) != value.size()
        || std::fputc('\n', file_) == EOF)
      return failed();
    return {};
  }
  result<void> finish() override {
    if (std::fflush(file_) != 0)
      return failed();
    return {};
  }

private:
  tl::unexpected<error> failed() const {
    return fail(fmt::format("cannot write to {}: {}; what is there is incomplete", path_,
                            std::strerror(errno)));
  }

  std::FILE* file_;
  std::string path_;
};

/// Waits for room in the producer's queue instead of growing it.
class topic_sink : public event_sink {
public:
  /// @param address what follows `kafka://`
  static result<std::unique_ptr<event_sink>> open(std::string_view address) {
    auto slash = address.rfind('/');
    if (slash == std::string_view::npos || slash == 0 || slash + 1 == address.size())
      return fail(fmt::format(
          "--output kafka://{} names no broker and topic; write kafka://HOST:PORT/TOPIC", address));
    const std::string brokers{address.substr(0, slash)};
    const std::pair<const char*, const char*> settings[] = {{"bootstrap.servers", brokers.c_str()},
                                                            {"enable.idempotence", "true"},
                                                            {"partitioner", "murmur2_random"},
                                                            {"compression.codec", "lz4"},
                                                            {"linger.ms", "20"},
                                                            {"delivery.report.only.error", "true"},
                                                            {"log_level", "3"},
                                                            {"message.timeout.ms", "60000"}};
    char why[256];
    auto* settings_of_client = rd_kafka_conf_new();
    for (auto [name, value] : settings)
      if (rd_kafka_conf_set(settings_of_client, name, value, why, sizeof why) != RD_KAFKA_CONF_OK) {
        rd_kafka_conf_destroy(settings_of_client);
        return fail(fmt::format("librdkafka refuses {}: {}", name, why));
      }
    auto sink = std::make_unique<topic_sink>(std::string{address.substr(slash + 1)});
    rd_kafka_conf_set_opaque(settings_of_client, sink.get());
    rd_kafka_conf_set_dr_msg_cb(settings_of_client, on_delivery);
    sink->client_ = rd_kafka_new(RD_KAFKA_PRODUCER, settings_of_client, why, sizeof why);
    if (sink->client_ == nullptr) {
      rd_kafka_conf_destroy(settings_of_client);
      return fail(fmt::format("cannot make a Kafka producer: {}", why));
    }
    return sink;
  }
  explicit topic_sink(std::string topic) : topic_(std::move(topic)) {}
  topic_sink(const topic_sink&) = delete;
  topic_sink& operator=(const topic_sink&) = delete;
  ~topic_sink() override {
    if (client_ != nullptr)
      rd_kafka_destroy(client_);
  }

  result<void> write(std::string_view key, std::string_view value) override {
    while (refusal_.empty()) {
      rd_kafka_vu_t parts[4]{};
      parts[0].vtype = RD_KAFKA_VTYPE_TOPIC;
      parts[0].u.cstr = topic_.c_str();
      parts[1].vtype = RD_KAFKA_VTYPE_KEY;
      parts[1].u.mem = {const_cast<char*>(key.data()), key.size()};
      parts[2].vtype = RD_KAFKA_VTYPE_VALUE;
      parts[2].u.mem = {const_cast<char*>(value.data()), value.size()};
      parts[3].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
      parts[3].u.i = RD_KAFKA_MSG_F_COPY;
      auto outcome = produce(parts);
      bool full = outcome == RD_KAFKA_RESP_ERR__QUEUE_FULL;
      rd_kafka_poll(client_, full ? 10 : 0);
      if (!outcome)
        return {};
      if (!full)
        refusal_ = rd_kafka_err2str(outcome);
    }
    return failed();
  }
  result<void> finish() override {
    auto outcome = rd_kafka_flush(client_, 120'000);
    if (outcome != RD_KAFKA_RESP_ERR_NO_ERROR && refusal_.empty())
      refusal_ = rd_kafka_err2str(outcome);
    if (!refusal_.empty())
      return failed();
    return {};
  }

private:
  rd_kafka_resp_err_t produce(std::span<const rd_kafka_vu_t> parts) {
    auto* problem = rd_kafka_produceva(client_, parts.data(), parts.size());
    auto code = problem == nullptr ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_error_code(problem);
    rd_kafka_error_destroy(problem);
    return code;
  }
  static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
    if (message->err)
      static_cast<topic_sink*>(opaque)->refusal_ = rd_kafka_err2str(message->err);
  }
  tl::unexpected<error> failed() const {
    return fail(fmt::format("topic {} did not take all events: {}; check that the broker is up and "
                            "the topic exists",
                            topic_, refusal_));
  }

  std::string topic_;
  std::string refusal_; ///< of the last event that was not delivered
  rd_kafka_t* client_ = nullptr;
};

result<std::unique_ptr<event_sink>> open_sink(const std::string& output) {
  constexpr std::string_view kafka = "kafka://";
  if (output.rfind(kafka, 0) == 0)
    return topic_sink::open(std::string_view{output}.substr(kafka.size()));
  return file_sink::open(output);
}

/// Keeps the events at `rate` a second: sleeps when ahead by more than a few milliseconds.
class pace {
public:
  explicit pace(double rate) : rate_(rate) {}
  void wait_before(uint64_t event) const {
    if (rate_ <= 0)
      return;
    auto due = begin_
               + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                   std::chrono::duration<double>(static_cast<double>(event) / rate_));
    if (due - std::chrono::steady_clock::now() > std::chrono::milliseconds{5})
      std::this_thread::sleep_until(due);
  }

private:
  double rate_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

result<uint64_t> write_events(const generate_options& options) {
  auto sink = open_sink(options.output);
  if (!sink)
    return tl::unexpected{sink.error()};
  counter_events events{options.counters};
  const pace timing{options.rate};
  uint64_t written = 0;
  for (; events.next(); ++written) {
    timing.wait_before(written);
    if (auto outcome = (*sink)->write(events.user(), events.json()); !outcome)
      return tl::unexpected{outcome.error()};
  }
  if (auto outcome = (*sink)->finish(); !outcome)
    return tl::unexpected{outcome.error()};
  return written;
}

} // namespace

void add_generate_options(CLI::App& app, generate_options& options) {
  auto& events = options.counters;
  const std::map<std::string, int64_t> seconds{{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
  const CLI::Range identifiers{uint64_t{1}, max_identifiers};
  app.add_option("KIND", options.kind, "Of events: counters (what people do with posts)")
      ->required()
      ->check(CLI::IsMember({"counters"}));
  app.add_option("--events", events.events, "How many")->capture_default_str();
  app.add_option("--users", events.users, "How many different users")
      ->capture_default_str()
      ->check(identifiers);
  app.add_option("--creators", events.creators, "How many different creators of posts")
      ->capture_default_str()
      ->check(identifiers);
  app.add_option("--posts", events.posts, "How many different posts")
      ->capture_default_str()
      ->check(identifiers);
  app.add_option("--skew", events.skew,
                 "Exponent of the Zipf distribution of users, creators and posts; 0: all alike")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 10.0));
  app.add_option("--seed", events.seed, "Another seed, other events")->capture_default_str();
  app.add_option("--rate", options.rate, "Events per second; 0: as fast as possible")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--start", events.start, "Time of the first event, in seconds since 1970")
      ->capture_default_str();
  const auto duration_option = [&](const char* name, std::chrono::seconds& value,
                                   const char* help) {
    app.add_option_function<int64_t>(
           name, [&value](const int64_t& x) { value = std::chrono::seconds{x}; }, help)
        ->transform(
            CLI::AsNumberWithUnit(seconds, CLI::AsNumberWithUnit::UNIT_REQUIRED, "DURATION"))
        ->default_str(fmt::format("{}s", value.count()));
  };
  duration_option("--span", events.span, "Event time from the first event to the last, e.g. 1h");
  duration_option("--out-of-order", events.out_of_order,
                  "How far behind its place an event's time may be, e.g. 5s");
  app.add_option("-o,--output", options.output,
                 "A file, - for standard output, or kafka://HOST:PORT/TOPIC (key: the user)")
      ->capture_default_str();
  app.footer(
      "Examples:\n"
      "  keyfold generate counters --events 1000 --output events.json\n"
      "  keyfold generate counters --rate 5000 --seed 7 --output kafka://127.0.0.1:9092/events\n"
      "Exit status: 0 written, 1 cannot be written, 2 a mistake in the arguments.");
}

int run_generate(const generate_options& options) {
  auto written = write_events(options);
  if (!written) {
    fmt::print(stderr, "keyfold generate: {}\n", written.error().message);
    return 1;
  }
  if (options.output != "-")
    fmt::print(stderr, "{} events in {}\n", *written, options.output);
  return 0;
}

} // namespace keyfold
