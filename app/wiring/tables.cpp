#include "app/wiring/tables.hpp"

#include "app/wiring/formats.hpp"
#include "connectors/file/csv_table_source.hpp"

namespace keyfold {

std::unique_ptr<table_source> make_table(const config::table_plan& x,
                                         const std::shared_ptr<metrics_registry>& metrics,
                                         const std::shared_ptr<dead_letter_queue>& letters) {
  const auto& file = std::get<config::csv_table>(x.source);
  csv_table_settings settings;
  settings.held = x.held;
  settings.schema = x.schema;
  settings.format = format_of(file.format);
  settings.path = file.path;
  settings.settle = file.settle;
  settings.max_bad_rows = file.max_bad_rows;
  settings.bounds = x.bounds;
  return std::make_unique<csv_table_source>(std::move(settings), metrics, letters);
}

} // namespace keyfold
