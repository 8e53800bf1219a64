#include "app/wiring/tables.hpp"

#include "app/wiring/formats.hpp"
#include "connectors/file/csv_table_source.hpp"
#include "connectors/postgres/on_demand_table.hpp"
#include "connectors/postgres/replicated_table.hpp"

#include <fmt/format.h>

namespace keyfold {

namespace {

using table_result = result<std::shared_ptr<table_source>>;

table_result make_csv(const config::table_plan& x, const config::csv_table& file,
                      const std::shared_ptr<metrics_registry>& metrics,
                      const std::shared_ptr<dead_letter_queue>& letters) {
  csv_table_settings settings;
  settings.held = x.held;
  settings.schema = x.schema;
  settings.format = format_of(file.format);
  settings.path = file.path;
  settings.settle = file.settle;
  settings.max_bad_rows = file.max_bad_rows;
  settings.bounds = x.bounds;
  return std::make_shared<csv_table_source>(std::move(settings), metrics, letters);
}

postgres::table_settings settings_of(const config::table_plan& x,
                                     const config::postgres_table& from,
                                     const std::string& application) {
  postgres::table_settings result;
  result.name = x.slot->name();
  result.connection.url = from.url;
  result.connection.password = from.password;
  result.connection.application_name = "keyfold/" + application;
  result.connection.timeout = from.timeout;
  result.table = from.table;
  result.schema = x.schema;
  result.key = x.slot->key();
  return result;
}

table_result make_postgres(const config::table_plan& x, const config::postgres_table& from,
                           const std::string& application,
                           const std::shared_ptr<metrics_registry>& metrics,
                           const std::shared_ptr<dead_letter_queue>& letters) {
  auto table = settings_of(x, from, application);
  if (auto sound = postgres::check_settings(table.connection); !sound)
    return fail(fmt::format("table `{}`: {}", table.name, sound.error().message));
  if (from.mode == config::postgres_table::mode::replicated) {
    auto copy = std::make_shared<postgres::table_copy>(x.slot->name(), x.slot->columns(),
                                                       x.slot->key(), x.bounds);
    x.slot->put(copy);
    return std::make_shared<postgres::replicated_table>(
        postgres::replication_settings{std::move(table), x.bounds, from.slot, from.publication},
        std::move(copy), metrics, letters);
  }
  auto made = std::make_shared<postgres::on_demand_table>(
      postgres::on_demand_settings{std::move(table), x.bounds, from.keep, from.keep_missing},
      std::make_shared<table_slot>(x.slot->name(), x.slot->columns(), x.slot->key(), true), metrics,
      letters);
  x.slot->put(made);
  return made;
}

} // namespace

result<std::shared_ptr<table_source>>
make_table(const config::table_plan& x, const config::plan& of,
           const std::shared_ptr<metrics_registry>& metrics,
           const std::shared_ptr<dead_letter_queue>& letters) {
  if (const auto* file = std::get_if<config::csv_table>(&x.source))
    return make_csv(x, *file, metrics, letters);
  return make_postgres(x, std::get<config::postgres_table>(x.source), of.application, metrics,
                       letters);
}

} // namespace keyfold
