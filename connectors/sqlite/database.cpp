#include "connectors/sqlite/database.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

namespace keyfold::sqlite {

namespace {

bool means_no_space(int code, int system_error) {
  switch (code & 0xff) {
  case SQLITE_FULL:
    return true;
  case SQLITE_IOERR:
  case SQLITE_CANTOPEN:
    return system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG;
  default:
    return false;
  }
}

} // namespace

/// A busy handler: another try every 10 ms.
int database::wait_for_lock(void* self, int waited_before) {
  auto& x = *static_cast<database*>(self);
  auto now = std::chrono::steady_clock::now();
  if (waited_before == 0)
    x.lock_missed_ = now;
  if (x.interrupted_->load() || now - x.lock_missed_ > x.patience_)
    return 0;
  sqlite3_sleep(10);
  return 1;
}

result<std::unique_ptr<database>> database::open(const std::string& path, bool create,
                                                 std::chrono::milliseconds patience,
                                                 const std::atomic<bool>* interrupted) {
  std::unique_ptr<database> made{new database{path, patience, interrupted}};
  sqlite3* handle = nullptr;
  auto flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
               | (create ? SQLITE_OPEN_CREATE : 0);
  auto code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  made->handle_.reset(handle);
  if (handle == nullptr)
    return fail(fmt::format("`{}`: no memory to open it", path));
  if (code != SQLITE_OK)
    return tl::unexpected{made->failure("opening it")};
  sqlite3_busy_handler(handle, &wait_for_lock, made.get());
  // SQLite opens what it may not write without a word.
  if (sqlite3_db_readonly(handle, "main") == 1)
    return fail(
        fmt::format("`{}` is read-only: let this user write the file and its folder", path));
  return made;
}

error database::failure(std::string_view doing) const {
  auto code = sqlite3_extended_errcode(handle());
  auto system_error = sqlite3_system_errno(handle());
  if (means_no_space(code, system_error))
    return {fmt::format("`{}`: no space left in its file system while {}: free some there", path_,
                        doing)};
  switch (code & 0xff) {
  case SQLITE_NOTADB:
    return {
        fmt::format("`{}` is no SQLite database: name another path, or move the file away", path_)};
  case SQLITE_CORRUPT:
    return {fmt::format("`{}` is damaged, as was found while {}: restore it from a backup", path_,
                        doing)};
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    return {fmt::format("`{}`: another program holds it locked while {}: end the transaction that "
                        "is open there, such as in a sqlite3 shell",
                        path_, doing)};
  case SQLITE_READONLY:
    return {fmt::format("`{}` is read-only: let this user write the file and its folder", path_)};
  case SQLITE_IOERR:
  case SQLITE_CANTOPEN:
    return {fmt::format(
        "`{}`: {} failed: {}{}: see that its folder exists, that this user may "
        "write there, and that the disk works",
        path_, doing, sqlite3_errmsg(handle()),
        system_error == 0 ? "" : " (" + std::generic_category().message(system_error) + ")")};
  default:
    return {fmt::format("`{}`: {} failed: {}", path_, doing, sqlite3_errmsg(handle()))};
  }
}

result<void> database::run(const std::string& sql, std::string_view doing) const {
  if (sqlite3_exec(handle(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    return tl::unexpected{failure(doing)};
  return {};
}

result<statement> statement::prepare(const database& owner, const std::string& sql,
                                     std::string_view doing) {
  statement made;
  made.owner_ = &owner;
  sqlite3_stmt* handle = nullptr;
  auto code = sqlite3_prepare_v3(owner.handle(), sql.c_str(), static_cast<int>(sql.size()),
                                 SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  if (code != SQLITE_OK)
    return tl::unexpected{owner.failure(doing)};
  made.handle_.reset(handle);
  return made;
}

result<bool> statement::step(std::string_view doing) {
  auto code = sqlite3_step(handle());
  if (code == SQLITE_ROW || code == SQLITE_DONE)
    return code == SQLITE_ROW;
  auto why = owner_->failure(doing);
  reset();
  return tl::unexpected{std::move(why)};
}

std::string statement::text(int column) const {
  const auto* bytes = sqlite3_column_text(handle(), column);
  auto size = static_cast<size_t>(sqlite3_column_bytes(handle(), column));
  return bytes == nullptr ? std::string{} : std::string{reinterpret_cast<const char*>(bytes), size};
}

std::string quoted(std::string_view name) {
  std::string out{'"'};
  for (auto c : name) {
    out.push_back(c);
    if (c == '"')
      out.push_back(c);
  }
  out.push_back('"');
  return out;
}

} // namespace keyfold::sqlite
