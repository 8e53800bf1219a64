#include "ledger_fixture.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <sqlite3.h>
#include <stdlib.h>

namespace keyfold::store::testing {

scratch_directory::scratch_directory() {
  auto pattern = (std::filesystem::temp_directory_path() / "keyfold-store-XXXXXX").string();
  REQUIRE(::mkdtemp(pattern.data()) != nullptr);
  path_ = pattern;
}

scratch_directory::~scratch_directory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

ledger_tuning small_tuning() {
  ledger_tuning x;
  x.chunk_bytes = 256;
  x.run_bytes = 1024;
  x.checkpoint_bytes = 64 << 10;
  return x;
}

open_options options_for(const std::string& path) {
  open_options x;
  x.path = path;
  x.application = "test";
  x.entities = {"user", "item"};
  x.fingerprints = {{"user/counts", "1"}, {"item/counts", "1"}};
  return x;
}

std::unique_ptr<sqlite_ledger> open_ledger(const open_options& options,
                                           const ledger_tuning& tuning) {
  auto opened = sqlite_ledger::open(options, tuning);
  INFO((opened ? "" : opened.error().message));
  REQUIRE(opened);
  return std::move(*opened);
}

std::string refusal(const open_options& options) {
  auto opened = ledger::open(options);
  REQUIRE_FALSE(opened);
  return opened.error().message;
}

key_table all_keys(ledger& from) {
  key_table result;
  auto done = from.for_each_key([&](uint32_t entity, std::string_view key, std::string_view state) {
    auto fresh = result.emplace(std::pair{entity, std::string{key}}, state).second;
    CHECK(fresh);
  });
  INFO((done ? "" : done.error().message));
  REQUIRE(done);
  return result;
}

void compact_all(ledger& x) {
  for (int turn = 0;; ++turn) {
    REQUIRE(turn < 100'000);
    auto more = x.compact(std::chrono::milliseconds{1});
    INFO((more ? "" : more.error().message));
    REQUIRE(more);
    if (!*more)
      return;
  }
}

epoch_commit epoch_of(uint64_t number, const key_table& changed) {
  epoch_commit x;
  x.epoch = number;
  x.positions = {{"events", "0", static_cast<int64_t>(number), 0, false}};
  x.segments.resize(2);
  x.segments[1].entity = 1;
  for (auto& [name, state] : changed)
    append_key_state(x.segments[name.first].pairs, name.second, state);
  return x;
}

void run_sql(const std::string& path, const std::string& sql) {
  sqlite3* on = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &on) == SQLITE_OK);
  auto code = sqlite3_exec(on, sql.c_str(), nullptr, nullptr, nullptr);
  sqlite3_close(on);
  REQUIRE(code == SQLITE_OK);
}

} // namespace keyfold::store::testing
