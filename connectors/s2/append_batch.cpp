#include "connectors/s2/append_batch.hpp"

#include "connectors/formats/base64.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

namespace keyfold::s2 {
namespace {

constexpr std::string_view key_header = "@key";
constexpr std::string_view action_header = "@action";
constexpr size_t record_overhead = 8;
constexpr size_t header_overhead = 2;

void append_header(std::string_view name, std::string_view value, bool first, std::string& out) {
  out += first ? "[\"" : ",[\"";
  append_base64(name, out);
  out += "\",\"";
  append_base64(value, out);
  out += "\"]";
}

/// The next word of `text`, which it is taken off.
std::string_view next_word(std::string_view& text) {
  auto end = std::min(text.find(' '), text.size());
  auto out = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return out;
}

template <class T>
bool parse_number(std::string_view text, T& out, int base) {
  auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return wrong == std::errc{} && end == text.data() + text.size();
}

} // namespace

std::string marker_text(std::string_view id, const batch_marker& x) {
  return fmt::format("{} {} {:08x} {}{}", id, x.epoch, x.checksum, x.changes, x.last ? " end" : "");
}

std::optional<batch_marker> parse_marker(std::string_view text, std::string_view id) {
  batch_marker out;
  if (next_word(text) != id || !parse_number(next_word(text), out.epoch, 10)
      || !parse_number(next_word(text), out.checksum, 16)
      || !parse_number(next_word(text), out.changes, 10))
    return std::nullopt;
  out.last = text == "end";
  if (!out.last && !text.empty())
    return std::nullopt;
  return out;
}

append_batch::append_batch(size_t marker_bytes)
    : reserved_(header_overhead + marker_header.size() + marker_bytes) {}

size_t append_batch::metered(const new_record& x) noexcept {
  auto out = record_overhead + x.body.size();
  if (x.key)
    out += header_overhead + key_header.size() + x.key->size();
  if (x.action)
    out += header_overhead + action_header.size() + x.action->size();
  return out;
}

bool append_batch::admits(const new_record& x) const noexcept {
  return metered(x) + reserved_ <= max_bytes;
}

bool append_batch::has_room(const new_record& x) const noexcept {
  return records_ < max_records && bytes_ + metered(x) + reserved_ <= max_bytes;
}

void append_batch::add(const new_record& x) {
  text_ += records_ == 0 ? "{" : ",{";
  if (x.timestamp_ms)
    fmt::format_to(std::back_inserter(text_), "\"timestamp\":{},", *x.timestamp_ms);
  text_ += "\"headers\":[";
  if (x.key)
    append_header(key_header, *x.key, true, text_);
  if (x.action)
    append_header(action_header, *x.action, !x.key, text_);
  last_headers_end_ = text_.size();
  last_has_headers_ = x.key || x.action;
  text_ += "],\"body\":\"";
  append_base64(x.body, text_);
  text_ += "\"}";
  ++records_;
  bytes_ += metered(x);
}

std::string append_batch::take(std::string_view marker) {
  std::string header;
  append_header(marker_header, marker, !last_has_headers_, header);
  text_.insert(last_headers_end_, header);
  auto out = std::exchange(text_, {});
  clear();
  return out;
}

void append_batch::clear() noexcept {
  text_.clear();
  records_ = 0;
  bytes_ = 0;
}

std::string append_body(std::string_view records, const append_conditions& conditions) {
  // The token is of our own making: JSON needs no escapes.
  return fmt::format(R"({{"match_seq_num":{},"fencing_token":"{}","records":[{}]}})",
                     conditions.next, conditions.token, records);
}

std::string fence_body(std::string_view token, bool timeless) {
  std::string out = R"({"records":[{)";
  if (timeless)
    out += R"("timestamp":0,)";
  out += R"("headers":[)";
  append_header("", "fence", true, out);
  out += R"(],"body":")";
  append_base64(token, out);
  return out + "\"}]}";
}

} // namespace keyfold::s2
