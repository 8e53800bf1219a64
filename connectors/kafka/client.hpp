#pragma once

#include "features/result.hpp"

#include <librdkafka/rdkafka.h>

#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

/// What the source and the output share of librdkafka's C API: owned handles, settings, log lines,
/// error texts. Stateless; thread-safe.
namespace keyfold::kafka {

/// librdkafka's settings by name.
using properties = std::map<std::string, std::string>;

template <auto Destroy>
struct destroyer {
  template <class T>
  void operator()(T* x) const noexcept {
    Destroy(x);
  }
};

using settings_handle = std::unique_ptr<rd_kafka_conf_t, destroyer<rd_kafka_conf_destroy>>;
using queue_handle = std::unique_ptr<rd_kafka_queue_t, destroyer<rd_kafka_queue_destroy>>;
using topic_handle = std::unique_ptr<rd_kafka_topic_t, destroyer<rd_kafka_topic_destroy>>;
using event_handle = std::unique_ptr<rd_kafka_event_t, destroyer<rd_kafka_event_destroy>>;
using error_handle = std::unique_ptr<rd_kafka_error_t, destroyer<rd_kafka_error_destroy>>;
using partition_list = std::unique_ptr<rd_kafka_topic_partition_list_t,
                                       destroyer<rd_kafka_topic_partition_list_destroy>>;
using message_handle = std::unique_ptr<rd_kafka_message_t, destroyer<rd_kafka_message_destroy>>;

/// The properties with the values of secrets (passwords, keys, tokens) replaced by `***`: for logs.
properties redacted(const properties& x);

/// `text` without the values of secrets in `x`: librdkafka quotes what it could not read.
std::string without_secrets(std::string text, const properties& x);

/// A property that is not the user's to set, and why: the end of a sentence.
struct reserved_property {
  std::string_view name;
  std::string_view reason;
};

/// librdkafka's settings: `own` first, then what the user passes through, which wins. Log lines go
/// to spdlog.
/// @param owner names the component in the sentence of an error, e.g. `stream "events"`
/// @param own unknown names are a programmer's error
/// @return an error names the property and says what librdkafka, or `reserved`, has against it
result<settings_handle> make_settings(std::string_view owner, const properties& own,
                                      const properties& passed_through,
                                      std::initializer_list<reserved_property> reserved);

/// Creates the client; `settings` are used up.
/// @return an error says what librdkafka cannot work with, e.g. a certificate it cannot read
result<rd_kafka_t*> make_client(std::string_view owner, rd_kafka_type_t type,
                                settings_handle settings, const properties& passed_through);

/// What a failed connection means for a person: `no broker reachable at HOST: Connection refused`.
/// @param reason librdkafka's, e.g. `localhost:9092/bootstrap: Connect to ipv4#127.0.0.1:9092
/// failed: Connection refused (after 0ms in state CONNECT)`
std::string connection_problem(rd_kafka_resp_err_t code, std::string_view brokers,
                               std::string_view reason);

/// Whether no retry mends it until a person has changed permissions.
bool forbidden(rd_kafka_resp_err_t code) noexcept;

} // namespace keyfold::kafka
