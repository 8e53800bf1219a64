#include "broker.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

namespace keyfold::kafka::test {
namespace {

using client_handle = std::unique_ptr<rd_kafka_t, destroyer<rd_kafka_destroy>>;

client_handle make(rd_kafka_type_t type, const properties& x) {
  settings_handle conf{rd_kafka_conf_new()};
  std::array<char, 256> why{};
  auto set = [&](const std::string& name, const std::string& value) {
    if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), why.data(), why.size()))
      throw std::runtime_error{why.data()};
  };
  set("bootstrap.servers", test_broker::instance().address());
  set("log_level", "0");
  for (auto& [name, value] : x)
    set(name, value);
  auto* client = rd_kafka_new(type, conf.get(), why.data(), why.size());
  if (!client)
    throw std::runtime_error{why.data()};
  static_cast<void>(conf.release());
  return client_handle{client};
}

void check(rd_kafka_error_t* failed) {
  if (error_handle held{failed})
    throw std::runtime_error{rd_kafka_error_string(held.get())};
}

event_handle answer(rd_kafka_queue_t* queue) {
  event_handle out{rd_kafka_queue_poll(queue, 15'000)};
  if (!out)
    throw std::runtime_error{"the broker does not answer"};
  if (rd_kafka_event_error(out.get()))
    throw std::runtime_error{rd_kafka_event_error_string(out.get())};
  return out;
}

std::string script(const std::string& arguments, int* status) {
  return output_of(
      fmt::format(
          "KAFKA_DIR='{}/kafka-test' KAFKA_SECURE=1 KAFKA_HEAP=512m '{}/tests/servers/kafka' "
          "{} 2>&1",
          KEYFOLD_BINARY_DIR, KEYFOLD_SOURCE_DIR, arguments),
      status);
}

std::string port() {
  auto* wanted = std::getenv("KEYFOLD_KAFKA_PORT");
  return wanted ? wanted : "19510";
}

void script_or_throw(const std::string& arguments) {
  int status = 0;
  if (auto said = script(arguments, &status); status != 0)
    throw std::runtime_error{said};
}

} // namespace

test_broker& test_broker::instance() {
  static test_broker out;
  return out;
}

std::string test_broker::start() {
  int status = 0;
  auto said = script("start " + port(), &status);
  while (!said.empty() && said.back() == '\n')
    said.pop_back();
  if (status == 77)
    return said;
  if (status != 0)
    throw std::runtime_error{said};
  address_ = said.substr(said.find_last_of('\n') + 1); // after the warnings, if there are any
  return "";
}

std::string test_broker::secure_address() const {
  return fmt::format("127.0.0.1:{}", std::stoi(port()) + 2);
}

properties test_broker::secure_properties() const {
  return {{"security.protocol", "SASL_SSL"},
          {"sasl.mechanism", "PLAIN"},
          {"sasl.username", "keyfold"},
          {"sasl.password", "keyfold-secret"},
          {"ssl.ca.location", std::string{KEYFOLD_BINARY_DIR} + "/kafka-test/secure.pem"}};
}

void test_broker::stop_and_wipe() {
  script_or_throw("stop --wipe");
}

void test_broker::down(bool hard) {
  script_or_throw(hard ? "kill" : "stop");
}

void test_broker::up() {
  script_or_throw("start " + port());
}

std::string unique(const std::string& name) {
  static int count = 0;
  static const auto begun = std::chrono::system_clock::now().time_since_epoch().count() / 1'000'000;
  return fmt::format("{}-{:x}-{}", name, begun, ++count);
}

void create_topic(const std::string& name, int partitions,
                  const std::map<std::string, std::string>& configuration) {
  auto client = make(RD_KAFKA_PRODUCER, {});
  queue_handle queue{rd_kafka_queue_new(client.get())};
  auto* topic = rd_kafka_NewTopic_new(name.c_str(), partitions, 1, nullptr, 0);
  for (auto& [key, value] : configuration)
    rd_kafka_NewTopic_set_config(topic, key.c_str(), value.c_str());
  rd_kafka_CreateTopics(client.get(), &topic, 1, nullptr, queue.get());
  rd_kafka_NewTopic_destroy(topic);
  auto event = answer(queue.get());
  size_t count = 0;
  auto** topics =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  if (rd_kafka_topic_result_error(topics[0]))
    throw std::runtime_error{rd_kafka_topic_result_error_string(topics[0])};
}

void add_partitions(const std::string& topic, int in_all) {
  auto client = make(RD_KAFKA_PRODUCER, {});
  queue_handle queue{rd_kafka_queue_new(client.get())};
  std::array<char, 256> why{};
  auto* wanted = rd_kafka_NewPartitions_new(topic.c_str(), static_cast<size_t>(in_all), why.data(),
                                            why.size());
  rd_kafka_CreatePartitions(client.get(), &wanted, 1, nullptr, queue.get());
  rd_kafka_NewPartitions_destroy(wanted);
  answer(queue.get());
}

void delete_records(const std::string& topic, int32_t partition, int64_t offset) {
  auto client = make(RD_KAFKA_PRODUCER, {});
  queue_handle queue{rd_kafka_queue_new(client.get())};
  partition_list list{rd_kafka_topic_partition_list_new(1)};
  rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition)->offset = offset;
  auto* wanted = rd_kafka_DeleteRecords_new(list.get());
  rd_kafka_DeleteRecords(client.get(), &wanted, 1, nullptr, queue.get());
  rd_kafka_DeleteRecords_destroy(wanted);
  answer(queue.get());
}

void produce(const std::string& topic, const std::vector<plain_record>& records, ending how,
             const std::string& transactional_id) {
  properties settings{{"partitioner", "murmur2_random"}};
  if (how != ending::plain)
    settings.emplace("transactional.id", transactional_id);
  auto client = make(RD_KAFKA_PRODUCER, settings);
  if (how != ending::plain) {
    check(rd_kafka_init_transactions(client.get(), 30'000));
    check(rd_kafka_begin_transaction(client.get()));
  }
  for (auto& x : records) {
    std::array<rd_kafka_vu_t, 6> what{};
    what[0].vtype = RD_KAFKA_VTYPE_TOPIC;
    what[0].u.cstr = topic.c_str();
    what[1].vtype = RD_KAFKA_VTYPE_PARTITION;
    what[1].u.i32 = x.partition;
    what[2].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    what[2].u.i = RD_KAFKA_MSG_F_COPY;
    what[3].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
    what[3].u.i64 = x.timestamp_ms;
    what[4].vtype = RD_KAFKA_VTYPE_KEY;
    if (x.key)
      what[4].u.mem = {const_cast<char*>(x.key->data()), x.key->size()};
    what[5].vtype = RD_KAFKA_VTYPE_VALUE;
    if (x.value)
      what[5].u.mem = {const_cast<char*>(x.value->data()), x.value->size()};
    error_handle refused{rd_kafka_produceva(client.get(), what.data(), what.size())};
    auto failed = refused ? rd_kafka_error_code(refused.get()) : RD_KAFKA_RESP_ERR_NO_ERROR;
    if (failed)
      throw std::runtime_error{rd_kafka_err2str(failed)};
  }
  if (auto failed = rd_kafka_flush(client.get(), 30'000))
    throw std::runtime_error{rd_kafka_err2str(failed)};
  if (how == ending::committed)
    check(rd_kafka_commit_transaction(client.get(), 30'000));
  if (how == ending::aborted)
    check(rd_kafka_abort_transaction(client.get(), 30'000));
}

std::vector<plain_record> read_all(const std::string& topic, const std::string& isolation) {
  auto client = make(RD_KAFKA_CONSUMER, {{"group.id", "tests-reader"},
                                         {"enable.partition.eof", "true"},
                                         {"enable.auto.commit", "false"},
                                         {"isolation.level", isolation}});
  rd_kafka_poll_set_consumer(client.get());
  topic_handle handle{rd_kafka_topic_new(client.get(), topic.c_str(), nullptr)};
  const rd_kafka_metadata_t* metadata = nullptr;
  if (auto failed = rd_kafka_metadata(client.get(), 0, handle.get(), &metadata, 10'000))
    throw std::runtime_error{rd_kafka_err2str(failed)};
  auto count = metadata->topics[0].partition_cnt;
  rd_kafka_metadata_destroy(metadata);
  partition_list list{rd_kafka_topic_partition_list_new(count)};
  for (int i = 0; i < count; ++i)
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), i)->offset =
        RD_KAFKA_OFFSET_BEGINNING;
  rd_kafka_assign(client.get(), list.get());
  std::vector<plain_record> out;
  for (int open = count; open > 0;) {
    message_handle x{rd_kafka_consumer_poll(client.get(), 15'000)};
    if (!x)
      throw std::runtime_error{"no end of " + topic};
    if (x->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      --open;
      continue;
    }
    if (x->err)
      throw std::runtime_error{rd_kafka_message_errstr(x.get())};
    plain_record record{
        x->partition, x->offset, {}, {}, rd_kafka_message_timestamp(x.get(), nullptr)};
    if (x->key)
      record.key = std::string{static_cast<const char*>(x->key), x->key_len};
    if (x->payload)
      record.value = std::string{static_cast<const char*>(x->payload), x->len};
    out.push_back(std::move(record));
  }
  std::stable_sort(out.begin(), out.end(),
                   [](auto& a, auto& b) { return a.partition < b.partition; });
  rd_kafka_consumer_close(client.get());
  return out;
}

std::map<std::string, std::pair<int64_t, std::string>>
group_offsets(const std::string& group, const std::string& topic, int partitions) {
  auto client = make(RD_KAFKA_CONSUMER, {{"group.id", group}});
  partition_list list{rd_kafka_topic_partition_list_new(partitions)};
  for (int i = 0; i < partitions; ++i)
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), i);
  if (auto failed = rd_kafka_committed(client.get(), list.get(), 10'000))
    throw std::runtime_error{rd_kafka_err2str(failed)};
  std::map<std::string, std::pair<int64_t, std::string>> out;
  for (int i = 0; i < list->cnt; ++i) {
    auto& x = list->elems[i];
    if (x.offset >= 0)
      out[fmt::format("{}-{}", x.topic, x.partition)] = {
          x.offset, std::string{static_cast<const char*>(x.metadata), x.metadata_size}};
  }
  return out;
}

std::string output_of(const std::string& command, int* status) {
  auto* pipe = popen(command.c_str(), "r");
  if (!pipe)
    throw std::runtime_error{"no shell"};
  std::string out;
  std::array<char, 4096> buffer;
  while (auto count = fread(buffer.data(), 1, buffer.size(), pipe))
    out.append(buffer.data(), count);
  auto ended = pclose(pipe);
  if (status)
    *status = WIFEXITED(ended) ? WEXITSTATUS(ended) : 128;
  return out;
}

} // namespace keyfold::kafka::test
