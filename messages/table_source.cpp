#include "messages/table_source.hpp"

namespace keyfold {

namespace {

prometheus::Counter* failed_loads(metrics_registry& registry, const std::string& table,
                                  const char* reason) {
  return &make_counter(registry, "keyfold_table_failed_loads_total",
                       "Loads that failed; the rows there were have stayed.",
                       {{"table", table}, {"reason", reason}});
}

} // namespace

table_metrics::table_metrics(metrics_registry& registry, const std::string& table)
    : rows_(make_gauge(registry, "keyfold_table_rows", "Rows of the table.", {{"table", table}})),
      bytes_(make_gauge(registry, "keyfold_table_bytes",
                        "Memory of the table's rows, without what views derive from them.",
                        {{"table", table}})),
      version_(make_gauge(registry, "keyfold_table_version",
                          "Counts what has been loaded since the start.", {{"table", table}})),
      age_(make_gauge(registry, "keyfold_table_age_seconds", "Time since the rows were loaded.",
                      {{"table", table}})),
      loads_(make_counter(registry, "keyfold_table_loads_total", "Loads that succeeded.",
                          {{"table", table}})),
      bad_rows_(make_counter(registry, "keyfold_table_bad_rows_total",
                             "Rows that could not be read, in loads that succeeded.",
                             {{"table", table}})),
      duplicate_keys_(make_counter(registry, "keyfold_table_duplicate_keys_total",
                                   "Rows that took the place of one with the same key in a load.",
                                   {{"table", table}})),
      dead_letter_stalls_(
          make_counter(registry, "keyfold_table_dead_letter_stalls_total",
                       "Times that a load had to wait because too many dead letters were waiting.",
                       {{"table", table}})),
      failed_loads_{failed_loads(registry, table, "unreadable"),
                    failed_loads(registry, table, "too_many_rows"),
                    failed_loads(registry, table, "too_many_bytes"),
                    failed_loads(registry, table, "too_many_bad_rows")} {}

void table_metrics::loaded(const table_snapshot& x, uint64_t bad_rows, uint64_t duplicate_keys) {
  rows_.Set(x.rows());
  bytes_.Set(static_cast<double>(x.memory()));
  version_.Set(static_cast<double>(x.version()));
  loads_.Increment();
  bad_rows_.Increment(static_cast<double>(bad_rows));
  duplicate_keys_.Increment(static_cast<double>(duplicate_keys));
  loaded_at_ = std::chrono::steady_clock::now();
  show_age();
}

void table_metrics::failed(load_failure why) {
  failed_loads_[static_cast<size_t>(why)]->Increment();
}

void table_metrics::show_age() {
  auto age = std::chrono::steady_clock::now() - loaded_at_;
  age_.Set(std::chrono::duration<double>(age).count());
}

} // namespace keyfold
