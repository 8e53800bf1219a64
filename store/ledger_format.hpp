#pragma once

#include "store/database.hpp"
#include "store/ledger.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The tables of the SQLite file and who may open it. docs/ledger.md describes them for people.
namespace keyfold::store {

inline constexpr int64_t ledger_application_id = 0x6b666c64; // "kfld"
inline constexpr int64_t ledger_format_version = 2;
/// Those from here on are read; what lacks in an older file is added when it is opened to write.
inline constexpr int64_t oldest_format_version = 1;
/// The first one whose `published` has positions.
inline constexpr int64_t published_position_version = 2;

/// Sets a new file up, brings one of an older format to this one, or refuses one that is not a
/// ledger, is of another application or of a newer format.
/// @pre `on` may write
ledger_result<void> create_or_check(const database& on, const std::string& application,
                                    int page_size);
/// The same for a file that must exist; `application` empty: any.
ledger_result<void> check_format(const database& on, const std::string& application);

/// What the file says of the definition that it was last opened with.
struct ledger_registry {
  std::map<std::string, int64_t> entities; ///< name → number in the file, never used twice
  std::map<std::string, std::string> fingerprints;
};
ledger_result<ledger_registry> read_registry(const database& on);

/// Brings the file's entities and views to those of `options`: new ones are added, those that are
/// gone are dropped (their keys later, by compaction), changed views are refused or reset.
/// @return the views that were reset
/// @pre a transaction is open; after an error it must be rolled back
ledger_result<std::vector<std::string>> update_registry(const database& on,
                                                        const open_options& options);

using position_map = std::map<std::pair<std::string, std::string>, position_row>;

/// The last epoch and its positions, checked.
struct ledger_progress {
  uint64_t epoch = 0;
  position_map positions;
};
ledger_result<ledger_progress> read_progress(const database& on);

/// Checksum of a row of `position`.
uint64_t position_checksum(const position_row& x);
/// Checksum of the row of `epoch`: the number together with all its positions.
uint64_t epoch_checksum(uint64_t epoch, const position_map& positions);

} // namespace keyfold::store
