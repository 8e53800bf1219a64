#include "store/database.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <sys/statvfs.h>

namespace keyfold::store {

namespace {

/// The system's error of the last operation on a file of `on`, by SQLite's own account: `errno` is
/// stale by the time an error arrives here.
int last_errno(sqlite3* on, int which) {
  sqlite3_file* file = nullptr;
  int result = 0;
  if (sqlite3_file_control(on, "main", which, &file) == SQLITE_OK && file != nullptr
      && file->pMethods != nullptr)
    file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &result);
  return result;
}

bool file_system_is_full(const std::string& path) {
  struct statvfs space {};
  return ::statvfs(path.c_str(), &space) == 0 && space.f_bavail * space.f_frsize < 65536;
}

bool means_no_space(int code, int system_error, const std::string& path) {
  switch (code & 0xff) {
  case SQLITE_FULL:
    return true;
  case SQLITE_IOERR:
  case SQLITE_CANTOPEN:
    return system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG
           || file_system_is_full(path);
  default:
    return false;
  }
}

} // namespace

ledger_error damaged(const std::string& path, std::string_view what) {
  return {
      fmt::format("ledger \"{}\" is damaged ({}): restore it from a backup, or move it away and "
                  "start a new one that replays the sources",
                  path, what)};
}

ledger_result<database> database::open(const std::string& path, mode how) {
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  flags |= how == mode::read ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  if (how == mode::create)
    flags |= SQLITE_OPEN_CREATE;
  database result;
  result.path_ = path;
  sqlite3* handle = nullptr;
  auto code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  result.handle_.reset(handle);
  if (handle == nullptr)
    return tl::unexpected(ledger_error{fmt::format("ledger \"{}\": no memory to open it", path)});
  if (code != SQLITE_OK)
    return tl::unexpected(result.failure("opening it"));
  sqlite3_busy_timeout(handle, 5000);
  return result;
}

ledger_error database::failure(std::string_view doing) const {
  auto code = sqlite3_extended_errcode(handle());
  auto system_error = last_errno(handle(), SQLITE_FCNTL_JOURNAL_POINTER);
  if (system_error == 0)
    system_error = last_errno(handle(), SQLITE_FCNTL_FILE_POINTER);
  if (means_no_space(code, system_error, path_))
    return {fmt::format("ledger \"{}\": no space left in its file system while {}: free some space "
                        "there; nothing that was committed is lost",
                        path_, doing),
            true};
  switch (code & 0xff) {
  case SQLITE_NOTADB:
    return {fmt::format("\"{}\" is not a keyfold ledger (not a SQLite file): name another path, or "
                        "move the file away",
                        path_)};
  case SQLITE_CORRUPT:
    return damaged(path_, fmt::format("found while {}", doing));
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    return {
        fmt::format("ledger \"{}\": another program holds it locked while {}: close what has it "
                    "open, such as a sqlite3 shell",
                    path_, doing)};
  case SQLITE_IOERR:
  case SQLITE_CANTOPEN:
  case SQLITE_READONLY:
  case SQLITE_PERM:
    return {
        fmt::format("ledger \"{}\": {} failed: {} ({}): see that this user may read and write the "
                    "file and its folder, and that the disk works",
                    path_, doing, sqlite3_errmsg(handle()), std::strerror(system_error))};
  default:
    return {fmt::format("ledger \"{}\": {} failed: {}", path_, doing, sqlite3_errmsg(handle()))};
  }
}

ledger_result<void> database::run(const char* sql, std::string_view doing) const {
  if (sqlite3_exec(handle(), sql, nullptr, nullptr, nullptr) != SQLITE_OK)
    return tl::unexpected(failure(doing));
  return {};
}

ledger_result<int64_t> database::number(const char* sql, std::string_view doing) const {
  auto query = statement::prepare(*this, sql);
  if (!query)
    return tl::unexpected(query.error());
  auto row = query->step(doing);
  if (!row)
    return tl::unexpected(row.error());
  return *row ? query->number(0) : 0;
}

ledger_result<statement> statement::prepare(const database& owner, const char* sql) {
  statement result;
  result.owner_ = &owner;
  sqlite3_stmt* handle = nullptr;
  auto code =
      sqlite3_prepare_v3(owner.handle(), sql, -1, SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  if (code != SQLITE_OK)
    return tl::unexpected(owner.failure("reading its tables"));
  result.handle_.reset(handle);
  return result;
}

statement& statement::bind_blob(int place, std::string_view x) {
  // A null pointer would bind NULL.
  sqlite3_bind_blob64(handle_.get(), place, x.empty() ? "" : x.data(), x.size(), SQLITE_STATIC);
  return *this;
}

statement& statement::bind_text(int place, std::string_view x) {
  sqlite3_bind_text64(handle_.get(), place, x.empty() ? "" : x.data(), x.size(), SQLITE_STATIC,
                      SQLITE_UTF8);
  return *this;
}

ledger_result<bool> statement::step(std::string_view doing) {
  auto code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW)
    return true;
  if (code == SQLITE_DONE)
    return false;
  auto error = owner_->failure(doing);
  reset();
  return tl::unexpected(std::move(error));
}

ledger_result<void> statement::execute(std::string_view doing) {
  for (;;) {
    auto row = step(doing);
    if (!row)
      return tl::unexpected(row.error());
    if (!*row)
      break;
  }
  reset();
  return {};
}

std::string_view statement::blob(int column) const {
  auto* bytes = static_cast<const char*>(sqlite3_column_blob(handle_.get(), column));
  return {bytes, static_cast<size_t>(sqlite3_column_bytes(handle_.get(), column))};
}

ledger_result<transaction> transaction::begin(const database& on, std::string_view doing) {
  if (auto begun = on.run("BEGIN IMMEDIATE", doing); !begun)
    return tl::unexpected(begun.error());
  return transaction{on};
}

transaction::~transaction() {
  // After some errors SQLite has rolled back by itself.
  if (on_ != nullptr && on_->in_transaction())
    sqlite3_exec(on_->handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

ledger_result<void> transaction::commit(std::string_view doing) {
  return on_->run("COMMIT", doing);
}

} // namespace keyfold::store
