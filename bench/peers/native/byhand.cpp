// The ceiling for w1 and w3 with librdkafka: one program for one question, written for speed and for nothing else.
//   byhand counters|purchases BROKERS IN OUT [--threads N] [--set K=V]...
// It reads, parses, keeps what the pipeline needs of each key in a flat table, and writes the rows that keyfold and Flink
// write, with keyfold's settings of the producer.  It takes for granted what the topics happen to be: nothing is late,
// time ascends in each partition, keys are short, four event names.  There is no definition, no checkpoint or ledger,
// no transaction (a killed run is lost), nothing can be looked up.  Prints one JSON object; `out` must be the oracle's.
#include "reading.hpp"

#include <fmt/compile.h>
#include <fmt/format.h>
#include <simdjson.h>
#include <xxhash.h>

#include <array>
#include <cmath>
#include <cstring>
#include <ctime>
#include <memory>
#include <numeric>

namespace {

/// Rows on their way to the topic, in batches.
class writer {
public:
  static constexpr size_t batch_rows = 4'000;

  writer(rd_kafka_t* producer, const char* topic) : producer_(producer), to_(rd_kafka_topic_new(producer, topic, nullptr)) {}

  /// Where the next row's text is appended.
  fmt::memory_buffer& text() { return text_; }

  /// What was appended is a row with this key, which stays where it is until the batch is sent.
  void row(std::string_view key) {
    rd_kafka_message_t m{};
    m.key = const_cast<char*>(key.data()), m.key_len = key.size();
    m.len = text_.size() - begun_;
    batch_.push_back(m);
    begun_ = text_.size();
    if (batch_.size() == batch_rows) send();
  }

  void send() {
    for (size_t i = 0, at = 0; i < batch_.size(); at += batch_[i++].len) batch_[i].payload = text_.data() + at;
    sent_ += batch_.size();
    while (!batch_.empty()) {
      auto n = static_cast<int>(batch_.size());
      if (rd_kafka_produce_batch(to_, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, batch_.data(), n) == n) break;
      std::erase_if(batch_, [](const auto& m) { return m.err == RD_KAFKA_RESP_ERR_NO_ERROR; });
      if (batch_[0].err != RD_KAFKA_RESP_ERR__QUEUE_FULL) die(rd_kafka_err2str(batch_[0].err));
      rd_kafka_poll(producer_, 1);
    }
    rd_kafka_poll(producer_, 0);
    batch_.clear(), text_.clear(), begun_ = 0;
  }

  uint64_t sent() const { return sent_; }

private:
  rd_kafka_t* producer_;
  rd_kafka_topic_t* to_;
  fmt::memory_buffer text_;
  size_t begun_ = 0;
  std::vector<rd_kafka_message_t> batch_;
  uint64_t sent_ = 0;
};

/// An open table of states by key and a small number; the bytes of a key are in its state.
template <class State>
class table {
public:
  table() : states_(size_t{1} << 16) {}

  static uint64_t hash(std::string_view key, uint8_t kind) { return XXH3_64bits_withSeed(key.data(), key.size(), kind) | 1; }
  void prefetch(uint64_t hash) const { __builtin_prefetch(&states_[place(hash)]); }
  void prefetch_at(uint32_t i) const { __builtin_prefetch(&states_[i]); }
  State& operator[](uint32_t i) { return states_[i]; }
  bool crowded() const { return used_ * 2 > states_.size(); }

  uint32_t find(uint64_t hash, std::string_view key, uint8_t kind) {
    auto i = place(hash);
    for (; states_[i].hash; i = (i + 1) & (states_.size() - 1))
      if (states_[i].hash == hash && states_[i].key() == key && states_[i].kind == kind) return static_cast<uint32_t>(i);
    auto& made = states_[i];
    if (key.size() > sizeof made.bytes) die("a key is too long for this program");
    made.hash = hash, made.kind = kind, made.size = static_cast<uint8_t>(key.size());
    std::memcpy(made.bytes, key.data(), key.size());
    ++used_;
    return static_cast<uint32_t>(i);
  }

  /// Twice as large; moved(from, to) for each state, whose places all change.
  template <class Moved>
  void grow(Moved moved) {
    auto old = std::exchange(states_, std::vector<State>(states_.size() * 2));
    for (size_t k = 0; k < old.size(); ++k) {
      if (!old[k].hash) continue;
      auto i = place(old[k].hash);
      while (states_[i].hash) i = (i + 1) & (states_.size() - 1);
      states_[i] = old[k];
      moved(static_cast<uint32_t>(k), static_cast<uint32_t>(i));
    }
  }

private:
  size_t place(uint64_t hash) const { return (hash >> 8) & (states_.size() - 1); }

  std::vector<State> states_;
  size_t used_ = 0;
};

struct keyed {
  uint64_t hash = 0;
  char bytes[14];
  uint8_t size = 0, kind = 0;
  std::string_view key() const { return {bytes, size}; }
};

/// The end of a window, as keyfold writes times.
std::string rfc3339(int64_t seconds) {
  std::time_t t = seconds;
  std::tm parts{};
  gmtime_r(&t, &parts);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

/// What an event is to a pipeline. The key's bytes are the message's.
struct event {
  uint64_t hash;
  std::string_view key;
  uint8_t kind;
  int64_t at_s;
  double amount;
};

/// A string of the parser's text where the message has it, since the text is soon another's. Without escapes.
std::string_view key_of(simdjson::ondemand::value value, const char* text, const rd_kafka_message_t& m) {
  std::string_view raw = value.raw_json_token();
  auto size = raw.find('"', 1) - 1;
  if (raw[0] != '"' || size > raw.size() || raw.substr(1, size).find('\\') != raw.npos) die("a key is no plain string");
  return {static_cast<const char*>(m.payload) + (raw.data() + 1 - text), size};
}

/// w1: three sums that decay by e in 5, 10 and 15 s for each name and user, of each window of 5 s with events.
class counters {
public:
  static constexpr int64_t window_s = 5;
  struct state : keyed {
    int64_t last_s = 0;
    uint32_t events = 0;
    std::array<double, 3> sums{};
  };
  static constexpr std::array<double, 3> constants_s{5, 10, 15};
  static constexpr std::array<std::string_view, 4> names{"like", "view", "share", "comment"};

  static event read(simdjson::ondemand::document& doc, const char* text, const rd_kafka_message_t& m) {
    std::string_view name = doc["eventName"];
    auto key = key_of(doc["userId"], text, m);
    int64_t at = doc["eventTs"];
    uint8_t kind = 0;
    while (names.at(kind) != name) ++kind;
    return {table<state>::hash(key, kind), key, kind, at, 1};
  }

  void fold(table<state>& states, uint32_t i, const event& e) {
    auto& s = states[i];
    if (auto age = e.at_s - s.last_s; age > 0) {
      for (size_t k = 0; k < 3; ++k) s.sums[k] *= std::exp(-static_cast<double>(age) / constants_s[k]);
      s.last_s = e.at_s;
    }
    for (auto& sum : s.sums) sum += 1;
    if (!s.events++) touched_.push_back(i);
  }

  void close(table<state>& states, int64_t window, writer& out) {
    auto end = rfc3339((window + 1) * window_s);
    for (size_t k = 0; k < touched_.size(); ++k) {
      if (k + 16 < touched_.size()) states.prefetch_at(touched_[k + 16]);
      auto& s = states[touched_[k]];
      fmt::format_to(std::back_inserter(out.text()),
                     FMT_COMPILE(R"({{"userId":"{}","eventName":"{}","window_end":"{}","5s":{},"10s":{},"15s":{}}})"), s.key(),
                     names[s.kind], end, s.sums[0], s.sums[1], s.sums[2]);
      out.row(s.key());
      s.events = 0;
    }
    touched_.clear();
    if (states.crowded()) out.send(), states.grow([](uint32_t, uint32_t) {});
  }

  bool open() const { return !touched_.empty(); }

private:
  std::vector<uint32_t> touched_;
};

/// w3: what each user paid in two minutes, every minute.
class purchases {
public:
  static constexpr int64_t window_s = 60;
  struct state : keyed {
    int64_t minute = -2;
    double before = 0, now = 0;
  };

  static event read(simdjson::ondemand::document& doc, const char* text, const rd_kafka_message_t& m) {
    auto key = key_of(doc["user_id"], text, m);
    int64_t count = doc["item_count"];
    double price = doc["price"];
    std::string_view at = doc["timestamp"];
    return {table<state>::hash(key, 0), key, 0, seconds(at), static_cast<double>(count) * price};
  }

  void fold(table<state>& states, uint32_t i, const event& e) {
    auto& s = states[i];
    auto minute = e.at_s / window_s;
    if (minute != s.minute) {
      s.before = minute == s.minute + 1 ? s.now : 0;
      s.now = 0, s.minute = minute;
      touched_.push_back(i);
    }
    s.now += e.amount;
  }

  void close(table<state>& states, int64_t window, writer& out) {
    auto end = rfc3339((window + 1) * window_s);
    auto row = [&](uint32_t i, double total) {
      fmt::format_to(std::back_inserter(out.text()),
                     FMT_COMPILE(R"({{"user_id":"{}","timestamp":"{}","total_payment_last_two_minutes":{}}})"), states[i].key(), end,
                     total);
      out.row(states[i].key());
    };
    for (size_t k = 0; k < touched_.size(); ++k) {
      if (k + 16 < touched_.size()) states.prefetch_at(touched_[k + 16]);
      row(touched_[k], states[touched_[k]].before + states[touched_[k]].now);
    }
    for (size_t k = 0; k < before_.size(); ++k) {
      if (k + 16 < before_.size()) states.prefetch_at(before_[k + 16]);
      if (auto& s = states[before_[k]]; s.minute == window - 1) row(before_[k], s.now);
    }
    std::swap(before_, touched_);
    touched_.clear();
    if (!states.crowded()) return;
    out.send();
    std::vector<std::pair<uint32_t, uint32_t>> moved;
    states.grow([&](uint32_t from, uint32_t to) { moved.emplace_back(from, to); });
    for (auto& i : before_) i = std::lower_bound(moved.begin(), moved.end(), std::pair{i, uint32_t{0}})->second;
  }

  bool open() const { return !touched_.empty() || !before_.empty(); }

private:
  static int64_t seconds(std::string_view text) {  // 2024-01-01 00:00:00
    auto number = [&](size_t from, size_t size) {
      return std::accumulate(text.begin() + from, text.begin() + from + size, 0, [](int n, char c) { return n * 10 + (c - '0'); });
    };
    using namespace std::chrono;
    sys_days day = year{number(0, 4)} / number(5, 2) / number(8, 2);
    return day.time_since_epoch() / 1s + number(11, 2) * 3600 + number(14, 2) * 60 + number(17, 2);
  }

  std::vector<uint32_t> touched_, before_;
};

/// A partition's events, in the order of time.
template <class Pipeline>
class folder {
public:
  explicit folder(writer& out) : out_(out), text_(1 << 16) {}

  void take(rd_kafka_message_t** batch, size_t n, bool last) {
    for (size_t i = 0; i < n; ++i) {
      if (batch[i]->len + simdjson::SIMDJSON_PADDING > text_.size()) die("a record is too long for this program");
      std::memcpy(text_.data(), batch[i]->payload, batch[i]->len);
      auto doc = parser_.iterate(text_.data(), batch[i]->len, text_.size());
      events_.push_back(Pipeline::read(doc.value(), text_.data(), *batch[i]));
      states_.prefetch(events_.back().hash);
    }
    for (const auto& e : events_) {
      for (auto window = e.at_s / Pipeline::window_s; window_ < window; ++window_)
        if (pipeline_.open()) pipeline_.close(states_, window_, out_);
        else window_ = window - 1;
      pipeline_.fold(states_, states_.find(e.hash, e.key, e.kind), e);
    }
    events_.clear();
    if (!last) return;
    for (; pipeline_.open(); ++window_) pipeline_.close(states_, window_, out_);
    out_.send();
  }

private:
  writer& out_;
  std::vector<char> text_;
  simdjson::ondemand::parser parser_;
  std::vector<event> events_;
  table<typename Pipeline::state> states_;
  Pipeline pipeline_;
  int64_t window_ = -1;
};

template <class Pipeline>
uint64_t run(const std::vector<partition>& parts, rd_kafka_t* producer, const char* topic, uint64_t& rows) {
  uint64_t events = 0;
  writer out{producer, topic};
  std::vector<std::unique_ptr<folder<Pipeline>>> folders;
  for (size_t k = 0; k < parts.size(); ++k) folders.push_back(std::make_unique<folder<Pipeline>>(out));
  read_to_end(parts, 2'000, [&](size_t k, rd_kafka_message_t** batch, size_t n, bool last) {
    events += n;
    folders[k]->take(batch, n, last);
  });
  rows = out.sent();
  return events;
}

} // namespace

int main(int argc, char** argv) {
  const char* usage = "usage: byhand counters|purchases BROKERS IN OUT [--threads N] [--set K=V]...";
  if (argc < 5) die(usage);
  std::string pipeline = argv[1], brokers = argv[2];
  if (pipeline != "counters" && pipeline != "purchases") die(usage);
  settings reading{{"bootstrap.servers", brokers}, {"group.id", "byhand"}, {"enable.auto.commit", "false"}, {"queued.min.messages", "64000"}};
  size_t threads = 2;
  for (int i = 5; i < argc; ++i) {
    std::string arg = argv[i];
    if (arg == "--threads" && ++i < argc) threads = std::strtoul(argv[i], nullptr, 10);
    else if (arg == "--set" && ++i < argc) {
      std::string kv = argv[i];
      reading.emplace_back(kv.substr(0, kv.find('=')), kv.substr(kv.find('=') + 1));
    } else die("what is " + arg + "?");
  }
  if (threads == 0) die("--threads must be at least 1");
  settings writing{{"bootstrap.servers", brokers}, {"enable.idempotence", "true"}, {"compression.codec", "lz4"}, {"linger.ms", "20"},
                   {"batch.num.messages", "10000"}, {"batch.size", "262144"}, {"queue.buffering.max.messages", "1000000"},
                   {"queue.buffering.max.kbytes", "49152"}, {"partitioner", "murmur2_random"}};
  std::vector<rd_kafka_t*> producers;
  for (size_t i = 0; i < threads; ++i) producers.push_back(client(RD_KAFKA_PRODUCER, writing));
  auto* rk = client(RD_KAFKA_CONSUMER, reading);
  auto begin = std::chrono::steady_clock::now();
  auto shares = begin_reading(rk, argv[3], threads);
  std::vector<uint64_t> events(threads), rows(threads);
  std::vector<std::thread> pool;
  for (size_t i = 0; i < threads; ++i)
    pool.emplace_back([&, i] {
      auto* go = pipeline == "counters" ? run<counters> : run<purchases>;
      events[i] = go(shares[i], producers[i], argv[4], rows[i]);
    });
  for (auto& thread : pool) thread.join();
  for (auto* producer : producers)
    if (rd_kafka_flush(producer, 60'000)) die("not all was sent");
  double s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  auto count = std::accumulate(events.begin(), events.end(), uint64_t{0});
  fmt::print("{{\"events\":{},\"out\":{},\"seconds\":{:.3f},\"per_s\":{:.0f},\"cpu_seconds\":{:.1f}}}\n", count,
             std::accumulate(rows.begin(), rows.end(), uint64_t{0}), s, static_cast<double>(count) / s,
             static_cast<double>(std::clock()) / CLOCKS_PER_SEC);
  std::fflush(stdout);
  std::_Exit(0);  // closing would wait for the fetches under way
}
