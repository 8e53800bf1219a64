#pragma once

#include "store/sqlite_ledger.hpp"

#include <map>
#include <memory>
#include <string>

namespace keyfold::store::testing {

/// A directory of its own under the system's temporary one, removed at the end.
class scratch_directory {
public:
  scratch_directory();
  ~scratch_directory();
  scratch_directory(const scratch_directory&) = delete;
  scratch_directory& operator=(const scratch_directory&) = delete;
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const noexcept { return path_; }

private:
  std::string path_;
};

/// Small enough that a few keys make several chunks, runs and slices.
ledger_tuning small_tuning();

/// Options of a store with the entities "user" and "item", a view each.
open_options options_for(const std::string& path);

/// Opens or fails the test.
std::unique_ptr<sqlite_ledger> open_ledger(const open_options& options,
                                           const ledger_tuning& tuning = small_tuning());
/// The sentence of the refusal; fails the test if there is none.
std::string refusal(const open_options& options);

/// (entity, key) → state.
using key_table = std::map<std::pair<uint32_t, std::string>, std::string>;

/// What `for_each_key` tells; fails the test on an error or when a key comes twice.
key_table all_keys(ledger& from);
/// Compacts until nothing is left to do.
void compact_all(ledger& x);

/// An epoch of the given number with these changed keys (an empty state: gone) and one position,
/// `("events", "0")`, that stands at the epoch's number.
epoch_commit epoch_of(uint64_t number, const key_table& changed);

/// Runs SQL on the file, beside the ledger.
void run_sql(const std::string& path, const std::string& sql);

} // namespace keyfold::store::testing
