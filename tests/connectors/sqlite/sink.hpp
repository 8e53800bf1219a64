#pragma once

#include "../../support/metric_value.hpp"
#include "../changes.hpp"
#include "../file/temporary_folder.hpp"
#include "connectors/sqlite/database.hpp"
#include "connectors/sqlite/sqlite_output.hpp"

#include <atomic>
#include <chrono>

namespace keyfold::testing {

using namespace std::chrono_literals;

/// A database file, looked at and changed by somebody else.
class other_program {
public:
  explicit other_program(const std::string& path)
      : database_(*sqlite::database::open(path, true, 0ms, &never_)) {}

  void run(const std::string& sql) const {
    auto done = database_->run(sql, "testing");
    INFO((done ? "" : done.error().message));
    REQUIRE(done);
  }
  /// The rows of a query: cells separated by |, rows by line ends. NULL is `NULL`.
  std::string rows(const std::string& sql) const {
    auto query = sqlite::statement::prepare(*database_, sql, "testing");
    INFO((query ? "" : query.error().message));
    REQUIRE(query);
    std::string out;
    while (*query->step("testing")) {
      for (int i = 0; i < sqlite3_column_count(query->handle()); ++i) {
        auto null = sqlite3_column_type(query->handle(), i) == SQLITE_NULL;
        out += (i == 0 ? "" : "|") + (null ? "NULL" : query->text(i));
      }
      out += "\n";
    }
    return out;
  }

private:
  static inline const std::atomic<bool> never_{false};
  std::unique_ptr<sqlite::database> database_;
};

/// An output to a table `counts`, and what is around it.
struct sink {
  explicit sink(const std::string& path, change_columns columns = counts()) {
    settings.name = "out";
    settings.pipeline = "app-out";
    settings.path = path;
    settings.table = "counts";
    settings.lock_wait = 50ms;
    settings.columns = std::move(columns);
    again();
  }
  /// As after a restart.
  void again() {
    output.reset();
    auto made = sqlite::make_sqlite_output(settings, letters, metrics);
    INFO((made ? "" : made.error().message));
    REQUIRE(made);
    output = std::move(*made);
  }
  std::string refusal() {
    auto opened = output->open();
    REQUIRE_FALSE(opened);
    CHECK_FALSE(output->status().ready);
    CHECK(output->status().reason == opened.error().message);
    return opened.error().message;
  }

  sqlite::output_settings settings;
  std::shared_ptr<dead_letter_queue> letters = std::make_shared<dead_letter_queue>();
  std::shared_ptr<metrics_registry> metrics = std::make_shared<metrics_registry>();
  std::unique_ptr<event_output> output;
};

inline const std::string all = "SELECT * FROM counts ORDER BY 1";

} // namespace keyfold::testing
