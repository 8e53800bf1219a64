#include "connectors/formats/avro/avro_decoder.hpp"
#include "connectors/formats/avro/row_encoder.hpp"

#include <avro.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold {

namespace {

constexpr size_t rows_at_once = 4096;
constexpr int rounds = 5;

/// A writer's schema, records of it, and what a stream wants of them.
struct workload {
  std::string name;
  std::string schema;
  std::vector<std::pair<std::string, std::string>> columns;
  std::vector<std::string> records;
};

using random_source = std::mt19937;

void append_text(std::string_view x, std::string& out) {
  out.push_back(static_cast<char>(2 * x.size())); // lengths below 64
  out += x;
}

std::string user(random_source& random) {
  return fmt::format("user-{}", random() % 100'000);
}

/// seed-004's clicks: two strings.
workload clicks(random_source& random, size_t count) {
  workload out{
      "click_stream",
      R"({"type":"record","name":"ClickStream","fields":[{"name":"user_id","type":"string"},
                   {"name":"product_id","type":"string"}]})",
      {{"user_id", "string"}, {"product_id", "string"}},
      {}};
  for (size_t i = 0; i < count; ++i) {
    auto& to = out.records.emplace_back();
    append_text(user(random), to);
    append_text(std::to_string(random() % 200), to);
  }
  return out;
}

/// seed-004's sales: five strings, of which a definition wants three.
workload sales(random_source& random, size_t count) {
  workload out{"sales",
               R"({"type":"record","name":"Sales","fields":[{"name":"user_id","type":"string"},
                   {"name":"product_id","type":"string"},{"name":"invoice_id","type":"string"},
                   {"name":"quantity","type":"string"},{"name":"unit_cost","type":"string"}]})",
               {{"user_id", "string"}, {"product_id", "string"}, {"quantity", "int32"}},
               {}};
  for (size_t i = 0; i < count; ++i) {
    auto& to = out.records.emplace_back();
    append_text(user(random), to);
    append_text(std::to_string(random() % 200), to);
    append_text(fmt::format("invoice-{}", i), to);
    append_text(std::to_string(random() % 20), to);
    append_text(fmt::format("{}.{:02}", random() % 900, random() % 100), to);
  }
  return out;
}

/// Numbers, a moment, and a value that may be null.
workload events(random_source& random, size_t count) {
  workload out{"typed_event",
               R"({"type":"record","name":"Event","fields":[{"name":"user_id","type":"long"},
                   {"name":"kind","type":{"type":"enum","name":"Kind","symbols":["view","like"]}},
                   {"name":"price","type":["null","double"]},{"name":"note","type":["null","string"]},
                   {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}}]})",
               {{"user_id", "int64"}, {"kind", "string"}, {"price", "double"}, {"at", "timestamp"}},
               {}};
  const data_type number{type_kind::int64, 0, 0, nullptr};
  const data_type real{type_kind::float64, 0, 0, nullptr};
  for (size_t i = 0; i < count; ++i) {
    auto& to = out.records.emplace_back();
    std::string whole;
    avro::append_value(cell::integer(static_cast<int64_t>(random() % 1'000'000)), number, whole);
    to += whole.substr(1); // without the union's branch
    to.push_back(random() % 2 == 0 ? '\0' : '\2');
    avro::append_value(random() % 4 == 0 ? cell{}
                                         : cell::real(static_cast<double>(random() % 1000) * 0.25),
                       real, to);
    to.push_back('\0');
    whole.clear();
    avro::append_value(cell::integer(1'700'000'000'000 + static_cast<int64_t>(i)), number, whole);
    to += whole.substr(1);
  }
  return out;
}

/// Runs `once` some times; the best records per second.
template <class Once>
double best_rate(size_t records, Once once) {
  double best = 0;
  for (int i = 0; i < rounds; ++i) {
    auto begun = std::chrono::steady_clock::now();
    once();
    std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    best = std::max(best, static_cast<double>(records) / took.count());
  }
  return best;
}

[[noreturn]] void stop(std::string_view why) {
  fmt::print(stderr, "{}\n", why);
  std::exit(1);
}

double keyfold_rate(const workload& x) {
  auto columns = std::make_shared<stream_schema>();
  columns->name = x.name;
  for (const auto& [name, type] : x.columns) {
    stream_field field;
    field.name = name;
    field.type = *parse_data_type(type);
    field.path = {name};
    columns->fields.push_back(std::move(field));
  }
  auto settings = std::make_shared<avro::format>();
  settings->fixed = std::make_shared<avro::schema>(*avro::parse_schema(x.schema));
  auto decoder = std::move(*avro::avro_decoder::make(columns, settings));
  return best_rate(x.records.size(), [&] {
    event_batch_builder rows{columns, rows_at_once};
    for (const auto& record : x.records) {
      if (!decoder->decode(record, event_time{}, rows))
        stop("keyfold refused a record");
      if (rows.size() == rows_at_once)
        rows.build();
    }
  });
}

/// avro-c's generic reader, into one value that is used again: no resolution, no copies of columns.
double avro_c_rate(const workload& x) {
  avro_schema_t schema = nullptr;
  if (avro_schema_from_json_length(x.schema.data(), x.schema.size(), &schema) != 0)
    stop(avro_strerror());
  auto* kind = avro_generic_class_from_schema(schema);
  avro_value_t value;
  avro_generic_value_new(kind, &value);
  auto* reader = avro_reader_memory("", 0);
  auto rate = best_rate(x.records.size(), [&] {
    for (const auto& record : x.records) {
      avro_reader_memory_set_source(reader, record.data(), static_cast<int64_t>(record.size()));
      avro_value_reset(&value);
      if (avro_value_read(reader, &value) != 0)
        stop(avro_strerror());
    }
  });
  avro_reader_free(reader);
  avro_value_decref(&value);
  avro_value_iface_decref(kind);
  avro_schema_decref(schema);
  return rate;
}

} // namespace

int run_avro_bench(size_t count) {
  random_source random{1};
  std::string line;
  for (const auto& x : {clicks(random, count), sales(random, count), events(random, count)}) {
    auto ours = keyfold_rate(x);
    auto theirs = avro_c_rate(x);
    fmt::print("{:<14} {:>6.2f} M records/s, avro-c {:>6.2f} M records/s\n", x.name, ours / 1e6,
               theirs / 1e6);
    line += fmt::format(R"({}"{}":{{"records_per_s":{:.0f},"avro_c_records_per_s":{:.0f}}})",
                        line.empty() ? "" : ",", x.name, ours, theirs);
  }
  fmt::print(R"({{"bench":"avro","records":{},{}}}{})", count, line, "\n");
  return 0;
}

} // namespace keyfold

int main(int argc, char** argv) {
  return keyfold::run_avro_bench(argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000);
}
