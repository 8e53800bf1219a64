#pragma once

#include "http/router.hpp"

namespace keyfold::http {

/// `GET /v1/entities/{entity}/{key}`: the features of one key.
void get_entity(const request& what, responder to);

/// `POST /get-online-features`: many keys, column by column, as Feast's feature server answers.
void get_online_features(const request& what, responder to);

/// `POST /push`: events by hand, as rows or in Feast's columns.
void push_events(const request& what, responder to);
/// `POST /write-to-online-store`: what Feast's SDK calls for `push` and `write_to_online_store`.
void write_to_online_store(const request& what, responder to);

/// `GET /v1/definitions`: the catalogue.
void get_definitions(const request& what, responder to);
/// The body of /v1/definitions; made once.
std::string definitions_body(const service& shared);

/// `GET /health`: 200 while the process lives.
void get_health(const request& what, responder to);
/// `GET /ready`: 200, or 503 with the reasons.
void get_ready(const request& what, responder to);
/// `GET /metrics`: Prometheus' text format.
void get_metrics(const request& what, responder to);

} // namespace keyfold::http
