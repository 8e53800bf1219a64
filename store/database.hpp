#pragma once

#include "store/ledger.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <sqlite3.h>
#include <string>
#include <string_view>

namespace keyfold::store {

/// One SQLite connection, used by one thread at a time. Failures become sentences that name the
/// ledger's file.
class database {
public:
  enum class mode : uint8_t { create, write, read };

  static ledger_result<database> open(const std::string& path, mode how);

  const std::string& path() const noexcept { return path_; }
  sqlite3* handle() const noexcept { return handle_.get(); }
  /// Runs statements that return nothing of interest.
  /// @param doing completes the sentence "… while <doing>" of an error
  ledger_result<void> run(const char* sql, std::string_view doing) const;
  /// The first column of the first row as a number; 0 when there is none.
  ledger_result<int64_t> number(const char* sql, std::string_view doing) const;
  /// The sentence for what just failed.
  ledger_error failure(std::string_view doing) const;
  /// Whether a transaction is open.
  bool in_transaction() const noexcept { return sqlite3_get_autocommit(handle()) == 0; }

private:
  struct closer {
    void operator()(sqlite3* x) const noexcept { sqlite3_close_v2(x); }
  };
  std::string path_;
  std::unique_ptr<sqlite3, closer> handle_;
};

/// A prepared statement of a `database`, which must stay where it is. Bind, then step; `reset`
/// before the next use. Blobs and texts are bound without a copy: they must live until the reset.
class statement {
public:
  statement() = default;
  static ledger_result<statement> prepare(const database& owner, const char* sql);

  statement& bind(int place, int64_t x) {
    sqlite3_bind_int64(handle_.get(), place, x);
    return *this;
  }
  statement& bind_blob(int place, std::string_view x);
  statement& bind_text(int place, std::string_view x);
  /// True: there is a row. False: done.
  ledger_result<bool> step(std::string_view doing);
  /// Steps to the end and resets.
  ledger_result<void> execute(std::string_view doing);
  void reset() noexcept { sqlite3_reset(handle_.get()); }

  int64_t number(int column) const { return sqlite3_column_int64(handle_.get(), column); }
  /// Valid until the next step or reset.
  std::string_view blob(int column) const;

private:
  struct finalizer {
    void operator()(sqlite3_stmt* x) const noexcept { sqlite3_finalize(x); }
  };
  const database* owner_ = nullptr;
  std::unique_ptr<sqlite3_stmt, finalizer> handle_;
};

/// A write transaction: rolled back unless committed.
class transaction {
public:
  static ledger_result<transaction> begin(const database& on, std::string_view doing);
  transaction(transaction&& x) noexcept : on_(x.on_) { x.on_ = nullptr; }
  transaction& operator=(transaction&&) = delete;
  ~transaction();
  ledger_result<void> commit(std::string_view doing);

private:
  explicit transaction(const database& on) : on_(&on) {}
  const database* on_;
};

/// The sentence for a ledger whose bytes are not what was written.
ledger_error damaged(const std::string& path, std::string_view what);

} // namespace keyfold::store
