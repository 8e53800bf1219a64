#include "config/avro.hpp"

#include "config/spelling.hpp"

namespace keyfold::config {

namespace {

void check_url(const node& at) {
  auto url = at.text();
  auto scheme = url.find("://");
  auto host = scheme == std::string::npos ? "" : url.substr(scheme + 3, url.find('/', scheme + 3));
  if (!url.starts_with("http://") && !url.starts_with("https://"))
    at.complain("the URL of a registry begins with http:// or https://");
  else if (host.find('@') != std::string::npos)
    at.complain("the URL shows in metrics and messages: give the credentials as `username` and "
                "`password`");
  else if (url.find('?') != std::string::npos || url.find('#') != std::string::npos)
    at.complain("the URL of a registry is what stands before `/schemas/ids`, without `?` or `#`");
}

/// That of its own, else the definition's.
std::optional<registry_settings> read_registry(const node& own, const node& definition) {
  auto at = own ? own : definition["schema_registry"];
  if (!at)
    return std::nullopt;
  registry_settings out;
  out.url = at.text_or("url", "");
  check_url(at["url"]);
  out.username = at.text_or("username", "");
  out.password = at.text_or("password", "");
  out.token = at.text_or("token", "");
  out.ca_certificate = at.text_or("ca_certificate", "");
  out.client_certificate = at.text_or("client_certificate", "");
  out.client_key = at.text_or("client_key", "");
  out.timeout = at.milliseconds_or("timeout", out.timeout);
  out.forget_missing = at.milliseconds_or("forget_missing", out.forget_missing);
  if (out.timeout.count() == 0)
    at["timeout"].complain("`timeout` must be longer than 0");
  if (!out.token.empty() && !out.username.empty())
    at["token"].complain("give either `username` and `password`, or `token`");
  if (out.client_certificate.empty() != out.client_key.empty())
    at.complain("mutual TLS needs both `client_certificate` and `client_key`");
  return out;
}

void check_namespace(const node& at) {
  auto starts = true; // a part
  auto good = !at.text().empty();
  for (auto c : at.text() + '.') {
    auto letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    good = good && (letter || (!starts && (c == '.' || (c >= '0' && c <= '9'))));
    starts = c == '.';
  }
  if (!good)
    at.complain(at.quoted()
                + " is no namespace of Avro: names of letters, digits and `_`, joined by "
                  "dots, such as `com.example`");
}

constexpr std::string_view field_keys[] = {"aliases", "default", "symbols"};

void read_columns(const node& fields, avro_settings& to) {
  for (const auto& [name, field] : fields.members()) {
    avro_settings::column made;
    made.aliases = field["aliases"].texts();
    made.symbols = field["symbols"].texts();
    if (auto at = field["default"])
      made.missing = at.values().front();
    if (auto at = field["symbols"]; at && field["type"].text() != "string")
      at.complain_of_key("`symbols` are an enumeration's, and its column is a `string`");
    to.columns[name] = std::move(made);
  }
}

} // namespace

void refuse_avro_fields(const node& fields) {
  for (const auto& [name, field] : fields.members())
    for (auto key : field_keys)
      if (auto at = field[key])
        at.complain_of_key(backquoted(key)
                           + " is for streams in Avro; elsewhere a derived column "
                             "can do it: COALESCE, CASE");
}

void read_avro_stream(const node& stream, const node& definition, stream_plan& to) {
  if (to.format.format != record_format::avro) {
    refuse_avro_fields(stream["fields"]);
    return;
  }
  auto at = stream["format"];
  auto& out = to.format.avro;
  out.schema_file = at["schema_file"].text();
  if (auto id = at["schema_id"])
    out.schema_id = at.whole_or<uint32_t>("schema_id", 0);
  if (!std::holds_alternative<kafka_source>(to.source))
    at.complain("Avro records come from Kafka; here the format is JSON, CSV or text");
  if (out.schema_file.empty())
    out.registry = read_registry(at["registry"], definition);
  if (!out.registry && out.schema_file.empty())
    at.complain("Avro needs its schemas: give the definition a `schema_registry`, or the format a "
                "`registry` or a `schema_file`");
  if (!out.schema_file.empty() && at["registry"])
    at["registry"].complain_of_key("give either `registry` or `schema_file`");
  if (out.schema_id && out.schema_file.empty())
    at["schema_id"].complain_of_key(
        "`schema_id` is the number in the frame of records whose schema "
        "is the `schema_file`; a registry knows all of them");
  read_columns(stream["fields"], out);
}

void read_avro_output(const node& output, const node& definition, output_plan& to) {
  using kind = output_format::kind;
  auto used = to.key_format.is == kind::avro || to.value_format.is == kind::avro;
  auto at = output["avro"];
  if (!used) {
    if (at)
      at.complain_of_key("`avro` is for outputs whose `key_format` or `value_format` is `avro`");
    return;
  }
  to.avro.registry = read_registry(at["registry"], definition);
  to.avro.name_space = at.text_or("namespace", to.avro.name_space);
  if (at["namespace"])
    check_namespace(at["namespace"]);
  to.avro.create = at.flag_or("register", true);
  if (!to.avro.registry)
    (at ? at : output)
        .complain("Avro needs a registry to put its schemas into: give the definition a "
                  "`schema_registry`, or `avro` a `registry`");
}

} // namespace keyfold::config
