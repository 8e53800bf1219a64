#pragma once

#include "features/byte_codec.hpp"
#include "features/decay.hpp"
#include "features/distinct_counter.hpp"
#include "features/prefetch.hpp"
#include "features/top_k/candidate_slots.hpp"
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
  size_t list_size() const noexcept { return slots_.list().size(); }
  const candidate& listed(size_t rank) const noexcept { return slots_[slots_.list()[rank]]; }
  /// By how much the value of the candidate listed there may be too high.
  double error(size_t rank) const noexcept { return error_of(slots_.list()[rank]); }
  /// Tells lists apart by who is where in them.
  uint64_t list_hash() const noexcept;
  /// No candidate was ever left out since the table was empty last.
  bool exact() const noexcept { return extras_ == nullptr || !extras_->lossy; }
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
    slots_.prefetch();
    if (extras_ != nullptr)
      prefetch_lines(extras_.get(), sizeof(extras));
  }

private:
  static constexpr auto nowhere = candidate_slots::nowhere;

  struct indexed {
    uint32_t hash;  // its lowest bits
    uint32_t place; // slot + 1; 0: empty
  };

  /// What only tables have that have many candidates, have left one out, or are of certain
  /// measures.
  struct extras {
    std::vector<indexed> index; // by hash, linear probing; once the slots have no tags
    std::vector<uint32_t> last; // slots that had the least rank when it was looked for, worst last
    double least = 0;           // that rank
    bool lossy = false;
    std::vector<double> errors;             // of the slots; none while all are 0
    std::vector<double> ranks;              // of the slots, for `decayed_count`
    std::vector<distinct_counter> distinct; // of the slots, for `distinct`
  };

  double error_of(uint32_t slot) const noexcept {
    return extras_ == nullptr || extras_->errors.empty() ? 0 : extras_->errors[slot];
  }
  void set_error(uint32_t slot, double error);
  static uint64_t hash_of(std::string_view text) noexcept;
  /// What candidates are compared by: more is better, at all times alike.
  double rank(const table_rules& rules, uint32_t slot) const noexcept {
    return rules.by == measure::decayed_count ? extras_->ranks[slot] : slots_[slot].value;
  }
  void note_rank(const table_rules& rules, uint32_t slot);
  bool before(const table_rules& rules, uint32_t a, uint32_t b) const noexcept;
  extras& need_extras();
  void forget_last() noexcept;
  void vote_for(const table_rules& rules, const vote& x, uint32_t slot);
  void vote_first(const table_rules& rules, const vote& x, uint64_t hash, double error,
                  uint32_t slot);
  uint32_t append(const table_rules& rules, uint64_t hash);
  uint32_t find(std::string_view text, uint64_t hash) const noexcept;
  void index(uint32_t slot, uint64_t hash);
  void unindex(uint32_t slot);
  void build_index();
  bool place(const table_rules& rules, uint32_t slot, bool worse);
  bool rank_all(const table_rules& rules);
  bool replace_last(const table_rules& rules, const vote& x, uint64_t hash, fold_counts& counts);
  uint32_t last_in_rank(const table_rules& rules);
  void remove(uint32_t slot);

  candidate_slots slots_;
  event_time first_end_ = end_of_time; // no life ends before; may be too early
  std::unique_ptr<extras> extras_;
};

} // namespace keyfold::ranking
