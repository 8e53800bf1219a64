#include "app/wiring/s2.hpp"

namespace keyfold {

s2::basin_settings basin_of(const config::s2_basin& x) {
  s2::basin_settings out;
  out.endpoint = x.endpoint;
  out.basin = x.basin;
  out.http.token = x.token;
  out.http.ca_certificate = x.ca_certificate;
  out.http.client_certificate = x.client_certificate;
  out.http.client_key = x.client_key;
  out.http.timeout = x.timeout;
  return out;
}

s2::source_settings settings_of(const config::s2_source& x, bool bounded) {
  s2::source_settings out;
  out.basin = basin_of(x.basin);
  out.streams = x.streams;
  out.prefix = x.prefix;
  out.start_at = static_cast<s2::source_settings::start>(x.start);
  out.start_time = x.start_at;
  out.on_missing = static_cast<s2::source_settings::missing>(x.on_missing);
  out.max_lead = x.max_lead;
  out.discover_every = x.discover_every;
  out.patience = x.patience;
  out.prefetch_bytes = x.prefetch_bytes;
  out.max_streams = x.max_streams;
  out.until_end = bounded || x.bounded;
  return out;
}
static_assert(static_cast<int>(s2::source_settings::start::tail)
                  == static_cast<int>(config::s2_source::start::tail)
              && static_cast<int>(s2::source_settings::start::timestamp)
                     == static_cast<int>(config::s2_source::start::timestamp));
static_assert(static_cast<int>(s2::source_settings::missing::first)
                  == static_cast<int>(config::s2_source::missing::first)
              && static_cast<int>(s2::source_settings::missing::tail)
                     == static_cast<int>(config::s2_source::missing::tail));

s2::output_settings settings_of(const config::s2_output& x, const std::string& name,
                                const std::string& application) {
  s2::output_settings out;
  out.name = name;
  out.basin = basin_of(x.basin);
  out.stream = x.stream;
  out.transactional_id = x.transactional_id.empty() ? application + "-" + name : x.transactional_id;
  out.upsert = x.upsert;
  out.create_stream = x.create_stream;
  out.event_time = x.event_time;
  return out;
}

} // namespace keyfold
