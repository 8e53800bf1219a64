// What the programs that read a topic share: it is read from its first to its present last offset, by threads that each
// take the queues of some of its partitions in batches.
#pragma once

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>
#include <vector>

[[noreturn]] inline void die(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(1);
}

using settings = std::vector<std::pair<std::string, std::string>>;

inline rd_kafka_t* client(rd_kafka_type_t type, const settings& with) {
  std::string why(256, 0);
  auto* conf = rd_kafka_conf_new();
  for (const auto& [key, value] : with)
    if (rd_kafka_conf_set(conf, key.c_str(), value.c_str(), why.data(), why.size()) != RD_KAFKA_CONF_OK) die(why);
  auto* made = rd_kafka_new(type, conf, why.data(), why.size());
  if (!made) die(why);
  return made;
}

struct partition {
  rd_kafka_queue_t* queue;
  int64_t end;
  bool done;
};

/// Begins to read; the partitions of each thread.
inline std::vector<std::vector<partition>> begin_reading(rd_kafka_t* rk, const std::string& topic, size_t threads) {
  rd_kafka_poll_set_consumer(rk);
  auto* rkt = rd_kafka_topic_new(rk, topic.c_str(), nullptr);
  const rd_kafka_metadata_t* meta;
  if (auto err = rd_kafka_metadata(rk, 0, rkt, &meta, 10'000)) die(rd_kafka_err2str(err));
  int count = meta->topics[0].partition_cnt;
  rd_kafka_metadata_destroy(meta);
  auto* list = rd_kafka_topic_partition_list_new(count);
  std::vector<std::vector<partition>> shares(threads);
  for (int p = 0; p < count; ++p) {
    int64_t lo, hi;
    // A broker that has just started answers before it leads its partitions.
    auto err = rd_kafka_query_watermark_offsets(rk, topic.c_str(), p, &lo, &hi, 10'000);
    for (int tries = 50; err == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION && tries > 0; --tries) {
      std::this_thread::sleep_for(std::chrono::milliseconds{200});
      err = rd_kafka_query_watermark_offsets(rk, topic.c_str(), p, &lo, &hi, 10'000);
    }
    if (err) die(rd_kafka_err2str(err));
    rd_kafka_topic_partition_list_add(list, topic.c_str(), p)->offset = lo;
    auto* queue = rd_kafka_queue_get_partition(rk, topic.c_str(), p);
    rd_kafka_queue_forward(queue, nullptr);  // not to the consumer's queue
    shares[p % threads].push_back({queue, hi, hi == lo});
  }
  if (auto err = rd_kafka_assign(rk, list)) die(rd_kafka_err2str(err));
  return shares;
}

/// Reads the partitions to their ends: take(i, messages, last) for each batch of the i-th, before its messages are destroyed.
template <class Take>
void read_to_end(std::vector<partition> parts, size_t batch_messages, Take take) {
  std::vector<rd_kafka_message_t*> batch(batch_messages);
  size_t open = 0;
  for (auto& q : parts) open += !q.done;
  while (open) {
    for (size_t k = 0; k < parts.size(); ++k) {
      auto& q = parts[k];
      if (q.done) continue;
      auto n = rd_kafka_consume_batch_queue(q.queue, open > 1 ? 1 : 100, batch.data(), batch.size());
      if (n < 0) die(rd_kafka_err2str(rd_kafka_last_error()));
      for (ssize_t i = 0; i < n; ++i) {
        if (batch[i]->err) die(rd_kafka_message_errstr(batch[i]));
        if (batch[i]->offset + 1 >= q.end && !q.done) q.done = true, --open;
      }
      take(k, batch.data(), static_cast<size_t>(n), q.done);
      for (ssize_t i = 0; i < n; ++i) rd_kafka_message_destroy(batch[i]);
    }
  }
}
