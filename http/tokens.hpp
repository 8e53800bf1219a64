#pragma once

#include "features/result.hpp"

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold::http {

/// What a token allows. `none` is what everybody may do.
enum class permission : uint8_t { none = 0, read = 1, push = 2, admin = 4 };

/// Bearer tokens, known by their SHA-256 only. Immutable.
class token_table {
public:
  /// Reads lines `<64 hex digits> <scope>[,<scope>…]`, scopes `read`, `push`, `admin`; empty lines
  /// and lines that begin with `#` are left out. At most 1000 tokens.
  static result<token_table> parse(std::string_view text);

  enum class verdict : uint8_t { granted, unknown, insufficient };
  /// Looks at all entries, each in constant time, whatever the token is.
  verdict check(std::string_view token, permission wanted) const;

private:
  struct entry {
    std::array<uint8_t, 32> digest;
    uint8_t scopes;
  };
  std::vector<entry> entries_;
};

/// The tokens of a file, read again when the file changes. Thread-safe.
class token_store {
public:
  explicit token_store(std::string path) : path_(std::move(path)) {}

  /// False: no file is configured, everything is allowed.
  bool enabled() const noexcept { return !path_.empty(); }
  /// Reads the file.
  result<void> load();
  /// Reads the file if it has changed; on an error the tokens before stay in force.
  result<void> reload_if_changed();
  /// @param authorization the value of the header field, e.g. `Bearer abc`
  token_table::verdict check(std::string_view authorization, permission wanted) const;

private:
  std::string path_;
  mutable std::mutex mutex_;
  std::shared_ptr<const token_table> table_;
  std::filesystem::file_time_type read_at_{};
};

} // namespace keyfold::http
