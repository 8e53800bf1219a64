#pragma once

#include "features/byte_codec.hpp"
#include "features/decay.hpp"
#include "features/distinct_counter.hpp"
#include "features/prefetch.hpp"
#include "features/view.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Candidates with their values and the best of them: what a `top_k` view keeps per key.
namespace keyfold::ranking {

/// What candidates are ranked by.
enum class measure : uint8_t { count, sum, max, decayed_count, distinct };

/// What all tables of a view share.
struct table_rules {
  measure by = measure::count;
  decay_rate rate;                      ///< of `decayed_count`
  uint32_t exact_bound = 256;           ///< of `distinct`: values of a candidate counted exactly
  uint32_t k = 10;                      ///< length of the list
  uint32_t max_candidates = 1000;       ///< more than `k`
  std::optional<duration> time_to_live; ///< of a candidate, from its newest event
};

/// What a row says of a candidate.
struct vote {
  std::string_view candidate;
  event_time at;
  double weight = 1; ///< finite; of `sum` and `max`
  uint64_t hash = 0; ///< of `distinct`
};

/// A cache line.
struct candidate {
  std::string text;
  double value = 0; ///< of `decayed_count`: as of `newest`
  double rank = 0;  ///< what candidates are compared by: more is better, at all times alike
  event_time reached = beginning_of_time; ///< when it came to this value
  event_time newest = beginning_of_time;
};

/// Counts candidates exactly while there are at most `max_candidates` of them. Beyond, it goes on
/// as Space-Saving (Metwally, Agrawal, El Abbadi, "Efficient computation of frequent and top-k
/// elements in data streams", 2005): a new candidate takes the place of the last in rank, and
/// begins with its value, which is thus the most it can be too high by. For `max` it takes the
/// place only when it ranks higher, and no value is ever wrong.
///
/// The list is in the order of rank: value, then who reached it first, then text. What the table
/// says is a function of the votes in the order given; its callers give them in the order of time.
/// Not thread-safe.
class candidate_table {
public:
  /// Returns whether the list has changed.
  bool add(const table_rules& rules, const vote& x, fold_counts& counts);
  /// Takes away the candidates whose life ends first, if that is at `now` or earlier. Returns
  /// whether the list has changed. @pre the rules have a time to live
  bool expire(const table_rules& rules, event_time end, fold_counts& counts);
  /// When the first candidate's life ends; `end_of_time` where none does.
  event_time next_end(const table_rules& rules) const noexcept;

  size_t size() const noexcept { return slots_.size(); }
  size_t list_size() const noexcept { return list_.size(); }
  const candidate& listed(size_t rank) const noexcept { return slots_[list_[rank]]; }
  /// By how much the value of the candidate listed there may be too high.
  double error(size_t rank) const noexcept { return error_of(list_[rank]); }
  /// Tells lists apart by who is where in them.
  uint64_t list_hash() const noexcept;
  /// No candidate was ever left out since the table was empty last.
  bool exact() const noexcept { return !lossy_; }
  /// The newest event of a candidate in the table.
  event_time newest() const noexcept;
  /// The value of a candidate as of `at`, which is not before its newest event.
  static double value_at(const table_rules& rules, const candidate& x, event_time at) noexcept;

  candidate_table copy(const table_rules& rules) const;
  void encode(const table_rules& rules, byte_writer& out) const;
  static std::optional<candidate_table> decode(const table_rules& rules, byte_reader& in);
  /// Bytes on the heap.
  size_t memory() const noexcept;
  /// Asks the processor to load the candidates, if they are few, and what leads to them.
  void prefetch() const noexcept {
    prefetch_line(list_.data());
    if (slots_.size() <= unindexed) {
      prefetch_lines(hashes_.data(), hashes_.size() * sizeof(uint64_t));
      prefetch_lines(slots_.data(), slots_.size() * sizeof(candidate));
    } else {
      prefetch_line(crowd_.get());
      // Where the next one will be.
      prefetch_line(hashes_.data() + hashes_.size());
      prefetch_line(slots_.data() + slots_.size());
    }
  }

private:
  static constexpr uint32_t nowhere = 0xffff'ffff;
  static constexpr size_t unindexed = 16; // so few are found as fast by looking at the hash of each

  /// What a table has of many candidates, or once it has left one out.
  struct crowd {
    std::vector<uint32_t> index; // slots + 1 by hash, linear probing; empty while there are few
    std::vector<uint32_t> last;  // slots that had the least rank when it was looked for, worst last
    double least = 0;            // that rank
    std::vector<double> errors;  // of the slots
  };

  double error_of(uint32_t slot) const noexcept {
    return crowd_ == nullptr || crowd_->errors.empty() ? 0 : crowd_->errors[slot];
  }
  void set_error(uint32_t slot, double error);
  static uint64_t hash_of(std::string_view text) noexcept;
  static double rank_of(const table_rules& rules, const candidate& x) noexcept;
  crowd& need_crowd();
  void forget_last() noexcept;
  void vote_for(const table_rules& rules, const vote& x, uint32_t slot);
  void vote_first(const table_rules& rules, const vote& x, uint64_t hash, double error,
                  uint32_t slot);
  uint32_t append(const table_rules& rules);
  uint32_t find(std::string_view text, uint64_t hash) const noexcept;
  void index(uint32_t slot);
  void unindex(uint32_t slot);
  void rebuild_index();
  bool before(uint32_t a, uint32_t b) const noexcept;
  bool place(const table_rules& rules, uint32_t slot, bool worse);
  bool rank_all(const table_rules& rules);
  bool replace_last(const table_rules& rules, const vote& x, uint64_t hash, fold_counts& counts);
  uint32_t last_in_rank();
  void remove(uint32_t slot);

  std::vector<uint64_t> hashes_; // of the slots' texts: what a candidate is looked for by
  std::vector<candidate> slots_;
  std::vector<uint32_t> list_;         // slots, best first
  event_time first_end_ = end_of_time; // no life ends before; may be too early
  std::unique_ptr<crowd> crowd_;
  bool lossy_ = false;
  std::vector<distinct_counter> distinct_; // of the slots, where that is what counts
};

} // namespace keyfold::ranking
