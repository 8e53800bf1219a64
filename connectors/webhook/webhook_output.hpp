#pragma once

#include "connectors/formats/row_writer.hpp"
#include "connectors/http_client/http_client.hpp"
#include "messages/dead_letter_queue.hpp"
#include "messages/event_output.hpp"

#include <prometheus/registry.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace keyfold::webhook {

/// Where changes go, and how. Plain data.
struct output_settings {
  std::string name; ///< for messages and metrics
  std::string url;
  std::string method = "POST";
  std::vector<std::pair<std::string, std::string>> headers; ///< of each request; may be secret
  http_client_settings http;                                ///< its token may be secret
  std::string key_header = "Idempotency-Key";
  std::string pipeline;                ///< begins the idempotency keys
  size_t batch_rows = 100;             ///< of a request; 1: the body is the row, else an array
  size_t batch_bytes = 1u << 20;       ///< beyond, a request ends
  size_t max_in_flight = 1;            ///< requests; more than one arrive in any order
  std::vector<change_columns> columns; ///< by `change::source`
};

/// Sends each epoch as requests of so many rows in JSON, in their order, each with a key that is
/// the same whenever the same rows are sent again: PIPELINE-EPOCH-NUMBER. At least once: a receiver
/// that remembers the keys sees each row once. See docs/connectors/webhook.md.
///
/// @param registry where the metrics `keyfold_webhook_output_…` appear, labelled with the output
/// @param letters takes the rows that the receiver refuses
std::unique_ptr<event_output> make_webhook_output(output_settings settings,
                                                  std::shared_ptr<prometheus::Registry> registry,
                                                  std::shared_ptr<dead_letter_queue> letters);

/// What an answer of a receiver's comes to.
enum class verdict : uint8_t {
  done,    ///< 2xx
  again,   ///< 408, 409, 425, 429, 5xx
  bad_row, ///< one of the rows is none that it takes
  closed   ///< it takes nothing of us: a person must see to it
};
verdict judge(long status) noexcept;

/// The URL without user, password, query and fragment, in which there may be secrets.
std::string shown_url(const std::string& url);

} // namespace keyfold::webhook
