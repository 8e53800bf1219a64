#include "http/endpoints.hpp"
#include "http/feast_reply.hpp"
#include "http/online_request.hpp"
#include "http/query_parameters.hpp"
#include "http/value_json.hpp"

#include <algorithm>

namespace keyfold::http {

namespace {

constexpr std::string_view parameters[] = {"as_of"};

/// The whole request; its parts are reads of one entity each.
struct online_read {
  online_read(responder x, online_request y) : to(std::move(x)), what(std::move(y)) {}

  responder to;
  online_request what;
  std::vector<std::vector<key_answer>> answers; ///< by part and row
  size_t missing = 0;
};

/// The read of one part.
struct part_read final : feature_query {
  part_read(std::shared_ptr<online_read> x, size_t y) : whole(std::move(x)), number(y) {}
  std::shared_ptr<online_read> whole;
  size_t number;
};

const feature_value* value_of(const key_answer& answer, const online_request::feature& feature) {
  if (!answer.found)
    return nullptr;
  if (!feature.open_view)
    return feature.column < answer.values.size() ? &answer.values[feature.column] : nullptr;
  for (const auto& x : answer.open)
    if (x.view == *feature.open_view && x.name == feature.name)
      return &x.value;
  return nullptr;
}

/// Computes a feature for every row. The answers of keys that are not there count as not found.
std::vector<feature_value> compute(const online_read& read, const online_request::feature& feature,
                                   arena& memory) {
  const auto& of = *feature.computed_by;
  const auto& answers = read.answers[feature.part];
  const std::vector<feature_value> nothing(of.sources.size());
  std::vector<feature_value> out;
  for (size_t row = 0; row < read.what.rows; ++row) {
    std::span<const feature_value> from = nothing;
    if (row < answers.size() && answers[row].found
        && feature.column + of.sources.size() <= answers[row].values.size())
      from = std::span{answers[row].values}.subspan(feature.column, of.sources.size());
    out.push_back(of.compute(feature.number, from, read.what.given(of, row), memory));
  }
  return out;
}

void write_join_key(json_writer& out, const online_request::join_key& key) {
  out.raw(std::string_view{R"({"values":[)"});
  for (const auto& x : key.values) {
    write_value(out, x, value_dialect::feast);
    out.raw(',');
  }
  out.drop_comma();
  out.raw(std::string_view{R"(],"statuses":[)"});
  for (size_t i = 0; i < key.values.size(); ++i)
    out.raw(std::string_view{R"("PRESENT",)"});
  out.drop_comma();
  out.raw(std::string_view{R"(],"event_timestamps":[)"});
  for (size_t i = 0; i < key.values.size(); ++i)
    out.raw(std::string_view{R"("1970-01-01T00:00:00Z",)"});
  out.drop_comma();
  out.raw(std::string_view{"]},"});
}

// An empty list is null for Feast's readers: its status must say so, too.
bool reads_as_null(const cell& x) noexcept {
  return x.is_null()
         || (x.kind() == cell_kind::list
             && std::all_of(x.items().begin(), x.items().end(),
                            [](const cell& item) { return item.is_null(); }));
}

void write_feature(json_writer& out, std::span<const feature_value* const> column) {
  out.raw(std::string_view{R"({"values":[)"});
  for (auto* x : column) {
    if (x == nullptr)
      out.null();
    else
      write_value(out, x->value, value_dialect::feast);
    out.raw(',');
  }
  out.drop_comma();
  out.raw(std::string_view{R"(],"statuses":[)"});
  for (auto* x : column) {
    auto status = x == nullptr ? feature_status::not_found : x->status;
    if (status == feature_status::present && reads_as_null(x->value))
      status = feature_status::null_value;
    out.raw('"');
    out.raw(status_name(status));
    out.raw(std::string_view{"\","});
  }
  out.drop_comma();
  out.raw(std::string_view{R"(],"event_timestamps":[)"});
  for (auto* x : column) {
    if (x == nullptr || x->at == beginning_of_time || x->at == end_of_time)
      out.raw(std::string_view{R"("1970-01-01T00:00:00Z")"});
    else
      out.timestamp(x->at);
    out.raw(',');
  }
  out.drop_comma();
  out.raw(std::string_view{"]},"});
}

void write_metadata(json_writer& out, const online_request& what) {
  out.raw(std::string_view{R"("metadata":{"feature_names":[)"});
  for (const auto& key : what.join_keys) {
    out.string(key.name);
    out.raw(',');
  }
  for (const auto& feature : what.features) {
    out.string(feature.shown);
    out.raw(',');
  }
  out.drop_comma();
  out.raw(']');
  if (what.version_metadata) {
    out.raw(std::string_view{R"(,"feature_view_metadata":[)"});
    for (const auto& view : what.views) {
      out.raw(std::string_view{R"({"name":)"});
      out.string(view);
      out.raw(std::string_view{"},"});
    }
    out.drop_comma();
    out.raw(']');
  }
  out.raw(std::string_view{"}}"});
}

void finish(const online_read& read) {
  auto& out = read.to.thread().out;
  out.clear();
  out.raw(std::string_view{R"({"results":[)"});
  for (const auto& key : read.what.join_keys)
    write_join_key(out, key);
  std::vector<const feature_value*> column(read.what.rows);
  arena memory;
  for (const auto& feature : read.what.features) {
    const auto& answers = read.answers[feature.part];
    std::vector<feature_value> computed;
    if (feature.computed_by != nullptr)
      computed = compute(read, feature, memory);
    for (size_t row = 0; row < column.size(); ++row)
      column[row] = !computed.empty()      ? &computed[row]
                    : row < answers.size() ? value_of(answers[row], feature)
                                           : nullptr;
    write_feature(out, column);
  }
  out.drop_comma();
  out.raw(std::string_view{"],"});
  write_metadata(out, read.what);
  read.to.send({.body = out.view()});
}

void part_finished(part_read& part) {
  auto& whole = *part.whole;
  whole.answers[part.number] = std::move(part.answers);
  if (--whole.missing == 0)
    finish(whole);
}

// Called by whoever completes the part; goes on on the I/O thread.
void on_done(feature_query& query) {
  auto& part = static_cast<part_read&>(query);
  auto& thread = part.whole->to.thread();
  if (thread.here())
    part_finished(part);
  else
    thread.run([keep = query.shared_from_this(), &part] { part_finished(part); });
}

void submit_parts(const std::shared_ptr<online_read>& read, std::optional<event_time> as_of) {
  auto& parts = read->what.parts;
  read->missing = parts.size();
  read->answers.resize(parts.size());
  for (size_t i = 0; i < parts.size(); ++i) {
    auto part = std::make_shared<part_read>(read, i);
    part->entity = parts[i].entity->number;
    part->keys = std::move(parts[i].keys);
    part->wanted = std::move(parts[i].wanted);
    part->with_open = parts[i].with_open;
    part->as_of = as_of;
    part->done = &on_done;
    read->to.thread().submit(std::move(part));
  }
}

} // namespace

void get_online_features(const request& what, responder to) {
  auto known = check_parameters(what.where, parameters);
  auto as_of = read_as_of(what.where, wall_now());
  if (!known || !as_of) {
    feast_malformed(to, "as_of", known ? as_of.error().message : known.error().message);
    return;
  }
  auto& thread = to.thread();
  const auto& shared = to.shared();
  what.body.reserve(what.body.size() + simdjson::SIMDJSON_PADDING);
  simdjson::dom::element body;
  if (auto problem = thread.json.parse(what.body.data(), what.body.size(), false).get(body)) {
    feast_malformed(to, {}, std::string{"JSON decode error: "} + simdjson::error_message(problem));
    return;
  }
  auto resolved = resolve_online_request(body, shared.index, shared.settings.max_keys_per_request);
  if (!resolved) {
    const auto& wrong = resolved.error();
    if (wrong.error_class.empty())
      feast_malformed(to, wrong.where, wrong.message);
    else
      feast_error(to, wrong.status, wrong.error_class, wrong.message);
    return;
  }
  submit_parts(std::make_shared<online_read>(std::move(to), std::move(*resolved)), *as_of);
}

} // namespace keyfold::http
