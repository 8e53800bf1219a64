#include "connectors/s2/answers.hpp"

#include "connectors/formats/base64.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <limits>

namespace keyfold::s2 {

namespace {

namespace dom = simdjson::dom;

result<int64_t> position_in(dom::object x, std::string_view member) {
  uint64_t number = 0;
  if (x[member].get(number) || number > uint64_t{std::numeric_limits<int64_t>::max()})
    return fail(fmt::format("`{}` is missing or no number", member));
  return static_cast<int64_t>(number);
}

result<dom::object> parse_object(dom::parser& parser, std::string_view json) {
  dom::object out;
  if (auto wrong = parser.parse(json.data(), json.size()).get(out))
    return fail(fmt::format("no JSON object: {}", simdjson::error_message(wrong)));
  return out;
}

} // namespace

/// Reads one answer; each bit of text is decoded to the end of the batch's buffer.
class batch_parser {
public:
  explicit batch_parser(read_batch& to) : to_(to) {}

  result<void> read(std::string_view json) {
    to_.records.clear();
    to_.headers_.clear();
    to_.tail.reset();
    // What is decoded is never longer than what it was: the buffer does not grow further.
    to_.bytes_.resize(json.size() + body_padding);
    auto done = read_all(json);
    if (!done)
      to_.records.clear();
    return done;
  }

private:
  result<void> read_all(std::string_view json) {
    auto all = parse_object(parser_, json);
    if (!all)
      return tl::unexpected{all.error()};
    dom::object tail;
    if (!(*all)["tail"].get(tail)) {
      auto number = position_in(tail, "seq_num");
      if (!number)
        return fail("of `tail` " + number.error().message);
      to_.tail = *number;
    }
    dom::array records;
    if ((*all)["records"].get(records))
      return fail("`records` is missing or no list");
    for (auto element : records) {
      dom::object record;
      if (element.get(record))
        return fail("a record is no object");
      if (auto done = read_record(record); !done)
        return done;
    }
    return {};
  }

  result<void> read_record(dom::object x) {
    read_batch::record made;
    auto number = position_in(x, "seq_num");
    if (!number)
      return tl::unexpected{number.error()};
    made.number = *number;
    made.first_header = to_.headers_.size();
    auto time = position_in(x, "timestamp");
    if (!time)
      return wrong(made, time.error().message);
    made.timestamp_ms = *time;
    if (auto done = read_headers(x, made); !done)
      return done;
    dom::element body;
    if (!x["body"].get(body))
      if (auto done = decode(body, made.body); !done)
        return wrong(made, "`body` " + done.error().message);
    to_.records.push_back(made);
    return {};
  }

  result<void> read_headers(dom::object x, read_batch::record& made) {
    dom::element list;
    if (x["headers"].get(list))
      return {};
    dom::array headers;
    if (list.get(headers))
      return wrong(made, "`headers` is no list");
    for (auto element : headers) {
      dom::array pair;
      read_batch::header header;
      if (element.get(pair) || pair.size() != 2)
        return wrong(made, "a header is no pair");
      auto name = decode(pair.at(0).value(), header.name);
      auto value = decode(pair.at(1).value(), header.value);
      if (!name || !value)
        return wrong(made, "a header " + (name ? value : name).error().message);
      to_.headers_.push_back(header);
      ++made.headers;
    }
    return {};
  }

  result<void> decode(dom::element x, read_batch::text& out) {
    std::string_view encoded;
    if (x.get(encoded))
      return fail("is no text");
    auto size = base64_size(encoded);
    out = {end_, size.value_or(0)};
    if (!size || !decode_base64(encoded, to_.bytes_.data() + end_))
      return fail("is no base64");
    end_ += *size;
    return {};
  }

  static result<void> wrong(const read_batch::record& of, std::string_view what) {
    return fail(fmt::format("record {}: {}", of.number, what));
  }

  read_batch& to_;
  dom::parser parser_;
  size_t end_ = 0;
};

std::optional<std::string_view> read_batch::find(const record& x,
                                                 std::string_view name) const noexcept {
  for (const auto& one : headers(x))
    if (view(one.name) == name)
      return view(one.value);
  return std::nullopt;
}

result<void> parse_read_batch(std::string_view json, read_batch& out) {
  return batch_parser{out}.read(json);
}

result<stream_list> parse_stream_list(std::string_view json) {
  dom::parser parser;
  auto all = parse_object(parser, json);
  if (!all)
    return tl::unexpected{all.error()};
  dom::array streams;
  stream_list out;
  if ((*all)["streams"].get(streams) || (*all)["has_more"].get(out.more))
    return fail("`streams` or `has_more` is missing");
  for (auto element : streams) {
    std::string_view name;
    if (element["name"].get(name))
      return fail("a stream has no name");
    out.last = name;
    dom::element deleted;
    if (element["deleted_at"].get(deleted) || deleted.is_null())
      out.names.push_back(out.last);
  }
  out.more = out.more && !out.last.empty();
  return out;
}

result<int64_t> parse_position(std::string_view json, std::string_view member) {
  dom::parser parser;
  auto all = parse_object(parser, json);
  if (!all)
    return tl::unexpected{all.error()};
  dom::object position;
  if ((*all)[member].get(position))
    return fail(fmt::format("`{}` is missing", member));
  return position_in(position, "seq_num");
}

service_error error_of(std::string_view json) {
  dom::parser parser;
  auto all = parse_object(parser, json);
  if (!all)
    return {};
  service_error out;
  std::string_view text;
  if (!(*all)["code"].get(text))
    out.code = text;
  if (!(*all)["message"].get(text))
    out.message = text;
  return out;
}

append_mismatch mismatch_of(std::string_view json) {
  dom::parser parser;
  append_mismatch out;
  auto all = parse_object(parser, json);
  if (!all)
    return out;
  if (auto number = position_in(*all, "seq_num_mismatch"))
    out.number = *number;
  if (std::string_view token; !(*all)["fencing_token_mismatch"].get(token))
    out.token = token;
  return out;
}

} // namespace keyfold::s2
