#include <catch2/catch.hpp>

#include "copy_steps.hpp"
#include "kept_rows.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <random>
#include <set>

using namespace keyfold;
using namespace keyfold::postgres;
using namespace keyfold::postgres::test;

namespace {

/// A server's log, a follower of it that keeps its rows, and crashes at any moment.
class kept_world {
public:
  explicit kept_world(uint32_t seed) : random_(seed) { begin(); }

  void step() {
    switch (pick(10)) {
    case 0:
    case 1:
      write();
      break;
    case 2:
    case 3:
    case 4:
      follow();
      break;
    case 5:
    case 6:
      if (!epoch_)
        epoch_ = take_from(*copy_, 1 + pick(40), pick(8) == 0);
      break;
    case 7:
      if (epoch_)
        commit_to(ledger_, *std::exchange(epoch_, std::nullopt)), copy_->committed();
      break;
    case 8:
      if (pick(4) == 0)
        crash();
      break;
    default:
      if (pick(10) == 0)
        identity_ = "table " + std::to_string(pick(3)), read_anew();
    }
    check();
  }

private:
  struct transaction {
    int64_t end;
    std::vector<table_copy::step> steps;
  };

  uint32_t pick(uint32_t of) { return static_cast<uint32_t>(random_() % of); }

  static void apply(const table_copy::step& x, rows& to) {
    if (x.is == table_copy::step::kind::clear)
      to.clear();
    else if (x.is == table_copy::step::kind::erase)
      to.erase(x.key);
    else
      to[x.key] = x.row;
  }

  /// The server commits a transaction.
  void write() {
    transaction x{end_ += 1 + (pick(10) == 0 ? 20'000'000 : pick(100)), {}};
    for (auto left = 1 + pick(6); left > 0; --left) {
      auto key = "k" + std::to_string(pick(12));
      if (pick(30) == 0)
        x.steps.push_back({table_copy::step::kind::clear, {}, {}});
      else if (pick(3) == 0)
        x.steps.push_back(erase(key));
      else
        x.steps.push_back(put(key, std::to_string(pick(4)) + std::string(pick(20), '.')));
      apply(x.steps.back(), truth_);
    }
    log_.push_back(std::move(x));
  }

  /// The follower does one step of the log, or hears that there is none.
  void follow() {
    while (place_ < log_.size() && log_[place_].end <= position_)
      ++place_;
    if (place_ == log_.size()) {
      copy_->reached(static_cast<pgoutput::lsn>(position_ = end_));
      return;
    }
    const auto& x = log_[place_];
    if (part_ < x.steps.size())
      copy_->apply({x.steps[part_++]}, static_cast<pgoutput::lsn>(x.end));
    if (part_ < x.steps.size())
      return;
    part_ = 0;
    copy_->reached(static_cast<pgoutput::lsn>(position_ = x.end));
  }

  void read_anew() {
    std::vector<table_copy::step> all;
    for (const auto& [key, row] : truth_)
      all.push_back(put(key, row));
    copy_->replace(std::move(all), {identity_, end_});
    confirmed_ = position_ = end_;
    place_ = part_ = 0;
  }

  void begin() {
    copy_ = make_copy();
    restore_to(*copy_, ledger_);
    place_ = part_ = 0;
    auto position = copy_->resume(identity_);
    if (position && static_cast<int64_t>(*position) >= confirmed_)
      position_ = static_cast<int64_t>(*position);
    else
      read_anew();
  }

  /// The epoch on its way reached the ledger, or did not.
  void crash() {
    if (epoch_ && pick(2) == 0)
      commit_to(ledger_, *epoch_);
    epoch_.reset();
    begin();
  }

  void check() {
    confirmed_ = std::max(confirmed_, static_cast<int64_t>(copy_->durable()));
    if (!ledger_.position || ledger_.position->of != identity_
        || ledger_.position->next < confirmed_)
      return; // it is read anew
    auto found = ledger_.rows;
    for (const auto& x : log_)
      if (x.end > ledger_.position->next)
        for (const auto& done : x.steps)
          apply(done, found);
    CHECK(found == truth_);
    check_ahead();
    // The position that the server has heard of never is before the ledger's.
    CHECK(static_cast<int64_t>(copy_->durable()) <= ledger_.position->next);
  }

  /// Each row of the ledger is one that there was between its position and where it is ahead to.
  void check_ahead() {
    const auto& [of, next, ahead] = *ledger_.position;
    rows now;
    std::map<std::string, std::set<std::string>> seen;
    auto see = [&] {
      for (int i = 0; i < 12; ++i) {
        auto key = "k" + std::to_string(i);
        auto found = now.find(key);
        seen[key].insert(found == now.end() ? "" : found->second);
      }
    };
    for (const auto& x : log_) {
      if (x.end > std::max(next, ahead))
        break;
      if (x.end > next)
        see();
      for (const auto& done : x.steps) {
        apply(done, now);
        if (x.end > next)
          see();
      }
    }
    see();
    for (const auto& [key, versions] : seen) {
      auto found = ledger_.rows.find(key);
      CHECK(versions.count(found == ledger_.rows.end() ? "" : found->second) == 1);
    }
  }

  std::mt19937 random_;
  std::vector<transaction> log_;
  rows truth_;
  int64_t end_ = 1;
  std::string identity_ = "table 0";
  int64_t confirmed_ = 0; ///< of the slot
  kept_rows ledger_;
  std::optional<open_epoch> epoch_;
  std::unique_ptr<table_copy> copy_;
  int64_t position_ = 0;
  size_t place_ = 0; ///< in the log
  size_t part_ = 0;  ///< of the transaction there
};

} // namespace

TEST_CASE("table copy: from what the ledger holds, and the log after it, the table is as it is") {
  for (uint32_t seed = 1; seed <= 300; ++seed) {
    INFO("seed " << seed);
    kept_world world{seed};
    for (int i = 0; i < 300; ++i)
      world.step();
  }
}
