#include "config/s2.hpp"

#include "features/timestamp_format.hpp"

#include <set>

namespace keyfold::config {

namespace {

constexpr std::string_view cloud = "https://{basin}.b.aws.s2.dev";

void check_endpoint(const node& at) {
  auto url = at.text();
  auto scheme = url.find("://");
  auto host = scheme == std::string::npos ? "" : url.substr(scheme + 3, url.find('/', scheme + 3));
  if (!url.starts_with("http://") && !url.starts_with("https://"))
    at.complain("the endpoint of S2 begins with http:// or https://");
  else if (host.find('@') != std::string::npos)
    at.complain("the endpoint shows in messages: give the credentials as `token`");
  else if (url.find('?') != std::string::npos || url.find('#') != std::string::npos)
    at.complain("the endpoint of S2 is what stands before `/v1`, without `?` or `#`");
}

void read_start(const node& at, s2_source& to) {
  auto text = at.text();
  if (!at || text == "first")
    return;
  if (text == "tail") {
    to.start = s2_source::start::tail;
    return;
  }
  auto time = parse_timestamp(text, timestamp_unit::rfc3339);
  if (!time) {
    at.complain(at.quoted()
                + " is no place to start: write `first`, `tail` or a time such as "
                  "`2024-01-01T00:00:00Z`");
    return;
  }
  to.start = s2_source::start::timestamp;
  to.start_at = *time;
}

void check_bounds(const node& at, const s2_source& x) {
  if (x.discover_every.count() == 0)
    at["discover_every"].complain("`discover_every` must be longer than 0");
  if (x.prefetch_bytes < 1u << 20)
    at["prefetch"].complain("`prefetch` must be at least 1MiB");
}

} // namespace

s2_basin read_s2_basin(const node& at) {
  s2_basin out;
  out.endpoint = at.text_or("endpoint", cloud);
  if (at["endpoint"])
    check_endpoint(at["endpoint"]);
  out.basin = at.text_or("basin", "");
  out.token = at.text_or("token", "");
  out.ca_certificate = at.text_or("ca_certificate", "");
  out.client_certificate = at.text_or("client_certificate", "");
  out.client_key = at.text_or("client_key", "");
  out.timeout = at.milliseconds_or("timeout", out.timeout);
  if (out.timeout.count() == 0)
    at["timeout"].complain("`timeout` must be longer than 0");
  if (out.client_certificate.empty() != out.client_key.empty())
    at.complain("mutual TLS needs both `client_certificate` and `client_key`");
  return out;
}

s2_source read_s2_source(const node& at) {
  s2_source out;
  out.basin = read_s2_basin(at);
  out.streams = at["streams"].texts();
  if (auto prefix = at["prefix"])
    out.prefix = prefix.text();
  if (out.streams.empty() && !out.prefix)
    at.complain("an S2 source needs `streams`, or a `prefix` of their names, or both");
  std::set<std::string> seen;
  for (const auto& stream : at["streams"].items())
    if (!seen.insert(stream.text()).second)
      stream.complain("the stream " + stream.quoted() + " is listed twice");
  read_start(at["start"], out);
  auto missing = at.text_or("on_missing", "refuse");
  out.on_missing = missing == "first"  ? s2_source::missing::first
                   : missing == "tail" ? s2_source::missing::tail
                                       : s2_source::missing::refuse;
  out.max_lead = at.duration_or("max_lead", out.max_lead);
  out.discover_every = at.milliseconds_or("discover_every", out.discover_every);
  out.patience = at.milliseconds_or("patience", out.patience);
  out.prefetch_bytes = at.size_or("prefetch", out.prefetch_bytes);
  out.max_streams = at.whole_or("max_streams", out.max_streams);
  out.bounded = at.flag_or("bounded", false);
  check_bounds(at, out);
  return out;
}

} // namespace keyfold::config
