#include "config/sources.hpp"

#include "config/s2.hpp"
#include "config/spelling.hpp"
#include "features/timestamp_format.hpp"

#include <set>

namespace keyfold::config {

namespace {

void read_start(const node& at, kafka_source& to) {
  auto text = at.text();
  if (!at || text == "earliest")
    return;
  if (text == "latest") {
    to.start = kafka_source::start::latest;
    return;
  }
  auto time = parse_timestamp(text, timestamp_unit::rfc3339);
  if (!time) {
    at.complain(at.quoted()
                + " is no place to start: write `earliest`, `latest` or a time such as "
                  "`2024-01-01T00:00:00Z`");
    return;
  }
  to.start = kafka_source::start::timestamp;
  to.start_at = *time;
}

kafka_source::missing missing_of(const node& at) {
  auto text = at.text_or("on_missing", "refuse");
  return text == "earliest" ? kafka_source::missing::earliest
         : text == "latest" ? kafka_source::missing::latest
                            : kafka_source::missing::refuse;
}

kafka_source read_kafka(const node& at, const std::string& application, const std::string& stream) {
  kafka_source out;
  out.brokers = at.text_or("brokers", "");
  out.topics = at["topics"].texts();
  out.topic_pattern = at.text_or("topic_pattern", "");
  if (!at["topics"] == !at["topic_pattern"])
    at.complain("a Kafka source needs either `topics` or `topic_pattern`");
  std::set<std::string> seen;
  for (const auto& topic : at["topics"].items())
    if (!seen.insert(topic.text()).second)
      topic.complain("the topic " + topic.quoted() + " is listed twice");
  read_start(at["start"], out);
  out.on_missing = missing_of(at);
  out.max_lead = at.duration_or("max_lead", out.max_lead);
  // One group per stream: members of one group would divide a topic that two streams read.
  out.group = at.text_or("group", application + "-" + stream);
  out.instance_id = at.text_or("instance_id", "");
  out.bounded = at.flag_or("bounded", false);
  out.properties = at.properties("properties");
  refuse_owned_properties(at["properties"], {{"bootstrap.servers", "brokers"},
                                             {"metadata.broker.list", "brokers"},
                                             {"group.id", "group"},
                                             {"group.instance.id", "instance_id"},
                                             {"auto.offset.reset", "start"}});
  return out;
}

format_settings read_format(const node& at) {
  auto name = at.is_string() ? at.text() : at.text_or("type", "json");
  if (name == "csv")
    return read_csv_format(at);
  format_settings out;
  out.format = name == "text"   ? record_format::text
               : name == "avro" ? record_format::avro
                                : record_format::json;
  out.part_separator = at.character_or("part_separator", ';');
  out.value_separator = at.character_or("value_separator", '=');
  if (out.part_separator == out.value_separator)
    at.complain("`part_separator` and `value_separator` must differ");
  return out;
}

} // namespace

format_settings read_csv_format(const node& at) {
  format_settings out;
  out.format = record_format::csv;
  out.delimiter = at.character_or("delimiter", ',');
  out.columns = at["columns"].texts();
  out.header = at.flag_or("header", true);
  if (!out.header && out.columns.empty())
    at.complain("a CSV without a header needs `columns`, the names in their order");
  std::set<std::string> seen;
  for (const auto& column : at["columns"].items())
    if (!seen.insert(column.text()).second)
      column.complain("the column " + column.quoted() + " is listed twice");
  return out;
}

void refuse_owned_properties(const node& properties,
                             const std::vector<std::pair<std::string, std::string>>& owned) {
  for (const auto& [name, use] : owned)
    if (auto x = properties[name])
      x.complain_of_key("the property " + backquoted(name) + " cannot be passed through: use "
                        + backquoted(use));
}

void read_source(const node& stream, const std::string& application, stream_plan& to) {
  auto at = stream["source"];
  auto type = at.text_or("type", "");
  if (type == "kafka")
    to.source = read_kafka(at, application, stream.text_or("name", ""));
  else if (type == "s2")
    to.source = read_s2_source(at);
  else if (type == "file")
    to.source = file_source{at.text_or("path", ""), at.flag_or("follow", false)};
  else if (type == "stdin")
    to.source = stdin_source{};
  else
    to.source = http_push_source{at.whole_or<size_t>("max_pending_rows", 100'000)};
  to.format = read_format(stream["format"]);
  auto of_records = type == "kafka" || type == "s2";
  if (of_records && to.format.format == record_format::csv && to.format.columns.empty())
    stream["format"].complain("CSV records of a log have no header: give the names as `columns`");
}

} // namespace keyfold::config
