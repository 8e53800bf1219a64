#include "app/avro_parts.hpp"

#include <fmt/format.h>

#include <fstream>
#include <sstream>

namespace keyfold {

namespace {

result<std::shared_ptr<const avro::schema>> read_schema(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  std::ostringstream text;
  text << file.rdbuf();
  if (!file)
    return fail(fmt::format("{}: the schema cannot be read: is the path right, and is it yours to "
                            "read?",
                            path));
  auto made = avro::parse_schema(text.str());
  if (!made)
    return fail(fmt::format("{}: {}", path, made.error().message));
  return std::make_shared<const avro::schema>(std::move(*made));
}

} // namespace

std::shared_ptr<schema_registry> registry_pool::get(const config::registry_settings& x) {
  auto& known = known_[{x.url, x.username, x.password, x.token, x.ca_certificate,
                        x.client_certificate, x.client_key, std::to_string(x.timeout.count()),
                        std::to_string(x.forget_missing.count())}];
  if (known)
    return known;
  registry_settings settings;
  settings.url = x.url;
  settings.http.user = x.username;
  settings.http.password = x.password;
  settings.http.token = x.token;
  settings.http.ca_certificate = x.ca_certificate;
  settings.http.client_certificate = x.client_certificate;
  settings.http.client_key = x.client_key;
  settings.http.timeout = x.timeout;
  settings.forget_missing = x.forget_missing;
  known = std::make_shared<schema_registry>(std::move(settings), metrics_);
  return known;
}

result<std::shared_ptr<const avro::format>> make_avro_format(const config::avro_settings& x,
                                                             registry_pool& registries) {
  auto made = std::make_shared<avro::format>();
  for (const auto& [name, column] : x.columns)
    made->columns[name] = {column.aliases, column.missing, column.symbols};
  if (x.registry) {
    made->registry = registries.get(*x.registry);
    return made;
  }
  auto schema = read_schema(x.schema_file);
  if (!schema)
    return tl::unexpected{std::move(schema).error()};
  made->fixed = std::move(*schema);
  if (x.schema_id)
    made->fixed_id = static_cast<int32_t>(*x.schema_id);
  return made;
}

} // namespace keyfold
