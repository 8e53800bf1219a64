#pragma once

#include "features/result.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <sqlite3.h>
#include <string>
#include <string_view>

namespace keyfold::sqlite {

/// One connection to the database file of an output, used by one thread. Failures become sentences
/// that name the file and what a person can do.
class database {
public:
  /// Opens for writing. Waits for locks of others as long as `patience`, or until `*interrupted`.
  /// @param create makes the file if it is missing
  static result<std::unique_ptr<database>> open(const std::string& path, bool create,
                                                std::chrono::milliseconds patience,
                                                const std::atomic<bool>* interrupted);
  database(const database&) = delete;
  database& operator=(const database&) = delete;

  sqlite3* handle() const noexcept { return handle_.get(); }
  const std::string& path() const noexcept { return path_; }
  /// Runs statements that return nothing of interest.
  /// @param doing completes the sentence "… while <doing>" of an error
  result<void> run(const std::string& sql, std::string_view doing) const;
  /// The sentence for what just failed.
  error failure(std::string_view doing) const;
  /// Whether a transaction is open.
  bool in_transaction() const noexcept { return sqlite3_get_autocommit(handle()) == 0; }

private:
  database(std::string path, std::chrono::milliseconds patience,
           const std::atomic<bool>* interrupted)
      : path_(std::move(path)), patience_(patience), interrupted_(interrupted) {}
  static int wait_for_lock(void* self, int waited_before);

  struct closer {
    void operator()(sqlite3* x) const noexcept { sqlite3_close_v2(x); }
  };
  std::string path_;
  std::chrono::milliseconds patience_;
  const std::atomic<bool>* interrupted_;
  std::chrono::steady_clock::time_point lock_missed_{};
  std::unique_ptr<sqlite3, closer> handle_;
};

/// A prepared statement. Texts and blobs are bound without a copy: they live until `reset`.
class statement {
public:
  statement() = default;
  /// @param owner outlives the statement
  static result<statement> prepare(const database& owner, const std::string& sql,
                                   std::string_view doing);

  sqlite3_stmt* handle() const noexcept { return handle_.get(); }
  /// True: there is a row. False: done.
  result<bool> step(std::string_view doing);
  void reset() noexcept { sqlite3_reset(handle_.get()); }
  int64_t number(int column) const { return sqlite3_column_int64(handle_.get(), column); }
  std::string text(int column) const;

private:
  struct finalizer {
    void operator()(sqlite3_stmt* x) const noexcept { sqlite3_finalize(x); }
  };
  const database* owner_ = nullptr;
  std::unique_ptr<sqlite3_stmt, finalizer> handle_;
};

/// `name` as an identifier of SQL: quoted.
std::string quoted(std::string_view name);

} // namespace keyfold::sqlite
