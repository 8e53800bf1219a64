#include "app/wiring/dynamodb.hpp"

#include "connectors/dynamodb/dynamodb_output.hpp"

namespace keyfold {

namespace {

template <class To, class From>
To same_place(From x) {
  return static_cast<To>(x);
}

std::vector<dynamodb::item_part> parts_of(const std::vector<config::dynamodb_part>& parts) {
  std::vector<dynamodb::item_part> result;
  result.reserve(parts.size());
  for (const auto& x : parts)
    result.push_back({x.name, same_place<dynamodb::item_part::kind>(x.is), x.columns, x.literal,
                      parts_of(x.parts)});
  return result;
}
static_assert(static_cast<int>(dynamodb::item_part::kind::map)
                  == static_cast<int>(config::dynamodb_part::kind::map)
              && static_cast<int>(dynamodb::item_part::kind::text)
                     == static_cast<int>(config::dynamodb_part::kind::text));

dynamodb::credential_settings credentials_of(const config::aws_credentials& x) {
  dynamodb::credential_settings result;
  result.where = same_place<dynamodb::credential_settings::from>(x.where);
  result.keys = {x.access_key, x.secret_key, x.session_token};
  result.profile = x.profile;
  return result;
}
static_assert(static_cast<int>(dynamodb::credential_settings::from::instance)
                  == static_cast<int>(config::aws_credentials::from::instance)
              && static_cast<int>(dynamodb::credential_settings::from::file)
                     == static_cast<int>(config::aws_credentials::from::file));
static_assert(static_cast<int>(dynamodb::timestamp_style::microseconds)
                  == static_cast<int>(config::dynamodb_output::timestamps::microseconds)
              && static_cast<int>(dynamodb::timestamp_style::seconds)
                     == static_cast<int>(config::dynamodb_output::timestamps::seconds));

} // namespace

result<std::unique_ptr<event_output>>
make_dynamodb(const config::output_plan& x, const config::dynamodb_output& target,
              change_columns columns, const std::string& application,
              const std::shared_ptr<metrics_registry>& metrics,
              const std::shared_ptr<dead_letter_queue>& letters) {
  dynamodb::output_settings settings;
  settings.name = x.name;
  settings.pipeline = application + "-" + x.name;
  settings.connection = {target.region, target.endpoint, credentials_of(target.credentials),
                         target.ca_certificate, target.timeout};
  settings.table = target.table;
  settings.create_table = target.create_table;
  settings.item = {parts_of(target.item), target.partition_key, target.sort_key, target.version,
                   same_place<dynamodb::timestamp_style>(target.written_as)};
  settings.columns = std::move(columns);
  settings.max_in_flight = target.max_in_flight;
  settings.marker_table = target.marker_table;
  return dynamodb::make_dynamodb_output(std::move(settings), metrics, letters);
}

} // namespace keyfold
