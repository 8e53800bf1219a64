#include "config/outputs/targets.hpp"
#include "config/sources.hpp"
#include "config/spelling.hpp"

#include <algorithm>

namespace keyfold::config {

namespace {

void refuse_loop(const node& at, const plan& of, const kafka_output& x) {
  for (const auto& stream : of.streams) {
    const auto* from = std::get_if<kafka_source>(&stream.source);
    if (from != nullptr && from->brokers == x.brokers
        && std::find(from->topics.begin(), from->topics.end(), x.topic) != from->topics.end())
      at["topic"].complain("the stream " + backquoted(stream.schema->name) + " reads the topic "
                           + at["topic"].quoted() + ", so this would feed on itself");
  }
}

void refuse_collision(const node& at, const kafka_output& x, target_names& taken) {
  if (!taken.take({"kafka topic", x.brokers, x.topic}))
    at["topic"].complain("two outputs write to the topic " + at["topic"].quoted()
                         + "; give each its own, since their keys could be the same");
  if (taken.take({"kafka transactional id", x.transactional_id}))
    return;
  auto id = at["transactional_id"];
  (id ? id : at)
      .complain("two outputs have the transactional id "
                + (id ? id.quoted() : backquoted(x.transactional_id))
                + ", so each would fence the other off; give each its own");
}

} // namespace

kafka_output read_kafka_output(const node& at, const plan& of, const std::string& name,
                               target_names& taken) {
  kafka_output out;
  out.brokers = at.text_or("brokers", "");
  out.topic = at.text_or("topic", "");
  out.transactional_id = at.text_or("transactional_id", of.application + "-" + name);
  out.create_topic = at.flag_or("create_topic", true);
  out.partitions = at.whole_or("partitions", out.partitions);
  if (!out.create_topic && at["partitions"])
    at["partitions"].complain("`partitions` is of a topic that is made, and `create_topic` is "
                              "false");
  out.properties = at.properties("properties");
  refuse_owned_properties(at["properties"], {{"bootstrap.servers", "brokers"},
                                             {"metadata.broker.list", "brokers"},
                                             {"transactional.id", "transactional_id"}});
  refuse_collision(at, out, taken);
  refuse_loop(at, of, out);
  return out;
}

} // namespace keyfold::config
