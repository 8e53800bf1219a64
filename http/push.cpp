#include "http/endpoints.hpp"
#include "http/feast_reply.hpp"
#include "http/push_request.hpp"
#include "http/query_parameters.hpp"
#include "http/suggestion.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace keyfold::http {

namespace {

constexpr std::string_view parameters[] = {"stream", "ack"};
// Rejected rows listed in an answer; all are counted, and all are in the dead letters.
constexpr size_t max_listed = 100;

/// Whose shapes the answer has.
enum class push_dialect : uint8_t { plain, feast_push, feast_write };

void write_rejected(json_writer& out, const push_outcome& outcome) {
  out.raw(R"("accepted":)");
  out.integer(static_cast<int64_t>(outcome.accepted));
  out.raw(R"(,"rejected_count":)");
  out.integer(static_cast<int64_t>(outcome.rejected.size()));
  out.raw(R"(,"rejected":[)");
  for (size_t i = 0; i < std::min(outcome.rejected.size(), max_listed); ++i) {
    out.raw(R"({"row":)");
    out.integer(static_cast<int64_t>(outcome.rejected[i].first));
    out.raw(R"(,"reason":)");
    out.string(outcome.rejected[i].second);
    out.raw("},");
  }
  out.drop_comma();
  out.raw(']');
}

void answer_rows(const responder& to, const push_outcome& outcome, bool durable) {
  auto& out = to.thread().out;
  out.clear();
  if (outcome.accepted != 0 || outcome.rejected.empty()) {
    out.raw('{');
    write_rejected(out, outcome);
    out.raw('}');
    to.send({.status = durable ? 200u : 202u, .body = out.view()});
    return;
  }
  to.thread().metrics.rejected(fault::rows_rejected);
  auto problem =
      problem_body(fault::rows_rejected, "no row could be read as an event of the stream");
  problem.back() = ',';
  out.raw(problem);
  write_rejected(out, outcome);
  out.raw('}');
  to.send({.status = status_of(fault::rows_rejected),
           .content_type = problem_content,
           .body = out.view()});
}

void answer_write(const responder& to, const push_outcome& outcome) {
  if (outcome.rejected.empty()) {
    to.send({.body = "null"});
    return;
  }
  to.thread().metrics.rejected(fault::rows_rejected);
  // The SDK shows a caller the message only: a row left out must not look like success.
  feast_error(to, status_of(fault::rows_rejected), "FeastError",
              fmt::format("{} of {} rows are no events of the stream; row {}: {}",
                          outcome.rejected.size(), outcome.rejected.size() + outcome.accepted,
                          outcome.rejected.front().first, outcome.rejected.front().second));
}

void answer_unknown(const responder& to, push_dialect dialect, std::string_view stream) {
  std::vector<std::string> streams;
  if (to.shared().outside.push != nullptr)
    streams = to.shared().outside.push->streams();
  std::vector<std::string_view> names{streams.begin(), streams.end()};
  auto shown = stream.substr(0, 100);
  if (dialect == push_dialect::plain)
    to.problem(fault::unknown_stream,
               fmt::format("no stream \"{}\" takes pushes{}", shown, suggestion(stream, names)));
  else if (dialect == push_dialect::feast_push)
    feast_error(to, 422, "PushSourceNotFoundException",
                fmt::format("Unable to find push source '{}'{}", shown, suggestion(stream, names)));
  else
    feast_error(to, 404, "FeastObjectNotFoundException",
                fmt::format("No stream named {} takes pushes{}", shown, suggestion(stream, names)));
}

void finish(const responder& to, push_dialect dialect, bool durable, std::string_view stream,
            const push_outcome& outcome) {
  switch (outcome.what) {
  case push_outcome::kind::done:
    if (dialect == push_dialect::feast_write)
      answer_write(to, outcome);
    else
      answer_rows(to, outcome, durable);
    return;
  case push_outcome::kind::unknown_stream:
    answer_unknown(to, dialect, stream);
    return;
  case push_outcome::kind::not_started:
    to.problem(fault::not_started, "the stream has not started yet; push again in a moment",
               "Retry-After: 1\r\n");
    return;
  case push_outcome::kind::overloaded:
    to.problem(fault::overloaded, "more events wait to be folded than may; push again in a moment",
               "Retry-After: 1\r\n");
    return;
  case push_outcome::kind::stopping:
    to.problem(fault::stopping, "the server is stopping; push to another or wait for it",
               "Retry-After: 5\r\n");
    return;
  }
}

void submit(responder to, push_dialect dialect, bool durable, std::string stream,
            std::vector<std::string> rows) {
  auto* endpoint = to.shared().outside.push;
  if (endpoint == nullptr) {
    answer_unknown(to, dialect, stream);
    return;
  }
  auto name = stream; // the lambda's own: the argument must outlive the call
  endpoint->push(name, std::move(rows), durable,
                 [to, dialect, durable, stream = std::move(stream)](push_outcome outcome) {
                   to.thread().run([to, dialect, durable, stream, outcome = std::move(outcome)] {
                     finish(to, dialect, durable, stream, outcome);
                   });
                 });
}

push_limits limits_of(const responder& to) {
  const auto& settings = to.shared().settings;
  return {settings.max_rows_per_push, settings.max_json_depth};
}

} // namespace

void push_events(const request& what, responder to) {
  if (auto known = check_parameters(what.where, parameters); !known) {
    to.problem(fault::invalid_argument, known.error().message);
    return;
  }
  auto ack = what.where.find("ack").value_or("durable");
  if (ack != "durable" && ack != "accepted") {
    to.problem(fault::invalid_argument, "ack: write durable or accepted");
    return;
  }
  auto durable = ack == "durable";
  if (auto stream = what.where.find("stream")) {
    auto lines = what.content_type.find("ndjson") != std::string_view::npos
                 || what.content_type.find("jsonl") != std::string_view::npos;
    auto rows = read_push_rows(what.body, lines, limits_of(to));
    if (!rows)
      to.problem(fault::malformed_body, rows.error().message);
    else
      submit(to, push_dialect::plain, durable, std::string{*stream}, std::move(*rows));
    return;
  }
  auto read = read_push(what.body, limits_of(to), true);
  if (!read) {
    to.problem(fault::malformed_body, read.error().message);
    return;
  }
  submit(to, read->columns ? push_dialect::feast_push : push_dialect::plain, durable,
         std::move(read->stream), std::move(read->rows));
}

void write_to_online_store(const request& what, responder to) {
  auto read = read_push(what.body, limits_of(to), true);
  if (!read) {
    feast_malformed(to, {}, read.error().message);
    return;
  }
  submit(to, push_dialect::feast_write, true, std::move(read->stream), std::move(read->rows));
}

} // namespace keyfold::http
