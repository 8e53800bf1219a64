#include <catch2/catch.hpp>

#include "kept_rows.hpp"

#include "connectors/postgres/transaction_steps.hpp"

#include <atomic>
#include <memory>
#include <random>
#include <set>
#include <thread>

using namespace keyfold;
using namespace keyfold::postgres;
using namespace keyfold::postgres::test;

namespace {

using step = table_copy::step;
using rows = std::map<std::string, std::string>;

step put(std::string key, std::string row) {
  return {step::kind::put, std::move(key), std::move(row)};
}
step erase(std::string key) {
  return {step::kind::erase, std::move(key), {}};
}

std::unique_ptr<table_copy> make_copy(table_bounds bounds = {}) {
  return std::make_unique<table_copy>("users", std::vector<column>{}, std::vector<uint32_t>{0},
                                      bounds);
}

/// With the rows a, b and c of `first`, as of position 10.
std::unique_ptr<table_copy> abc(table_bounds bounds = {}) {
  auto out = make_copy(bounds);
  out->replace({put("a", "1"), put("b", "1"), put("c", "1")}, {"first", 10});
  return out;
}

/// The steps, as changes of no place in the log in particular.
size_t change(table_copy& x, std::vector<step> steps) {
  return x.apply(std::move(steps), 0);
}

int64_t next_of(const kept_rows& x) {
  return x.position ? x.position->next : 0;
}

} // namespace

TEST_CASE("table copy: the ledger hears of what has changed once, with the position") {
  auto x = abc();
  kept_rows ledger;
  CHECK(keep(*x, ledger).rows.size() == 3);
  CHECK(ledger.rows == rows{{"a", "1"}, {"b", "1"}, {"c", "1"}});
  CHECK(ledger.position->of == "first");
  CHECK(next_of(ledger) == 10);
  CHECK(keep(*x, ledger).rows.empty());
  CHECK(change(*x, {put("b", "2"), erase("c"), put("d", "1"), erase("nobody")}) == 0);
  x->reached(20);
  auto epoch = take_from(*x);
  CHECK(epoch.rows.size() == 3);
  CHECK_FALSE(epoch.share.more);
  CHECK(x->durable() == 10); // it is not in the ledger yet
  commit_to(ledger, epoch);
  x->committed();
  CHECK(x->durable() == 20);
  CHECK(ledger.rows == rows{{"a", "1"}, {"b", "2"}, {"d", "1"}});
  CHECK(next_of(ledger) == 20);
}

TEST_CASE("table copy: a row that came and went in between is none, one that came back is there") {
  auto x = abc();
  kept_rows ledger;
  keep(*x, ledger);
  change(*x, {put("d", "1"), erase("d"), erase("a"), put("a", "2")});
  CHECK((x->rows() == 3 && x->row("a") == "2" && !x->row("d")));
  keep(*x, ledger);
  CHECK(ledger.rows == rows{{"a", "2"}, {"b", "1"}, {"c", "1"}});
  change(*x, {{step::kind::clear, {}, {}}, put("e", "1")});
  CHECK((x->rows() == 1 && !x->row("a")));
  CHECK(x->bytes() == table_copy::size_of("e", "1"));
  keep(*x, ledger);
  CHECK(ledger.rows == rows{{"e", "1"}});
}

TEST_CASE(
    "table copy: an epoch takes no more than it may; until all rows are in it has no position") {
  auto x = abc();
  kept_rows ledger;
  auto first = keep(*x, ledger, 1);
  CHECK((first.rows.size() == 1 && first.share.more && !first.share.position));
  CHECK(x->durable() == 0);
  keep(*x, ledger, 1);
  CHECK(keep(*x, ledger, 1).share.position->next == 10);

  // Later ones leave the position where it is.
  change(*x, {put("a", "2"), put("b", "2")});
  x->reached(20);
  CHECK(keep(*x, ledger, 1).share.position->next == 10);
  change(*x, {put("c", "2")});
  x->reached(30);
  // All before 20 is in the ledger now, though rows are left.
  auto second = keep(*x, ledger, 1);
  CHECK((second.share.more && second.share.position->next == 20));
  CHECK(keep(*x, ledger, 1).share.position->next == 30);
}

TEST_CASE("table copy: says how far rows in the ledger are ahead of the position") {
  auto x = abc();
  kept_rows ledger;
  keep(*x, ledger);
  CHECK(x->ahead() <= 10);
  x->apply({put("a", "2"), put("b", "2")}, 20);
  CHECK(x->ahead() == 20);
  keep(*x, ledger, 1);
  CHECK((next_of(ledger) == 10 && ledger.position->ahead == 20));
  SECTION("and knows it after a crash") {
    auto again = make_copy();
    restore_to(*again, ledger);
    CHECK(again->resume("first") == 10);
    CHECK(again->ahead() == 20);
    again->replace({put("a", "2")}, {"first", 30});
    CHECK(again->ahead() <= 30);
  }
  SECTION("until the position is there") {
    x->reached(20);
    keep(*x, ledger);
    CHECK((next_of(ledger) == 20 && ledger.position->ahead <= 20));
  }
  SECTION("also where all that there is was taken, of a transaction that has not ended") {
    keep(*x, ledger);
    CHECK((next_of(ledger) == 10 && ledger.position->ahead == 20));
  }
}

TEST_CASE("table copy: steps of a transaction under way are upon the rows") {
  auto x = abc();
  transaction_steps steps;
  CHECK(steps.row("a", *x) == "1");
  steps.push(put("a", "2"));
  CHECK(steps.row("a", *x) == "2");
  steps.push(erase("a"));
  steps.push(put("d", "1"));
  CHECK((!steps.row("a", *x) && steps.row("b", *x) == "1" && steps.row("d", *x) == "1"));
  steps.push({step::kind::clear, {}, {}});
  steps.push(put("e", "1"));
  CHECK((!steps.row("b", *x) && !steps.row("d", *x) && steps.row("e", *x) == "1"));
  CHECK((steps.size() == 5 && steps.take().size() == 5 && steps.size() == 0));
  CHECK((steps.row("a", *x) == "1" && !steps.row("e", *x)));
}

TEST_CASE("table copy: no more steps are held than are bounded, in number and in bytes") {
  transaction_steps steps;
  for (size_t i = 0; i + 1 < transaction_steps::most_steps; ++i)
    steps.push(erase("a"));
  CHECK_FALSE(steps.full());
  steps.push(erase("a"));
  CHECK(steps.full());
  steps.take();
  CHECK_FALSE(steps.full());
  for (int i = 0; i < 9; ++i) {
    CHECK_FALSE(steps.full());
    steps.push(put("a", std::string(transaction_steps::most_bytes / 9, 'x')));
  }
  CHECK(steps.full());
  steps.take();
  CHECK_FALSE(steps.full());
}

TEST_CASE("table copy: the position goes on however fast rows change") {
  auto x = abc();
  kept_rows ledger;
  keep(*x, ledger);
  for (int64_t at = 11; at < 100; ++at) {
    change(*x, {put("a", std::to_string(at)), put("b", std::to_string(at))});
    x->reached(static_cast<pgoutput::lsn>(at));
    CHECK(keep(*x, ledger, 1).share.more);
  }
  CHECK(next_of(ledger) > 90);
}

TEST_CASE("table copy: without a change the position goes on after much log, and at the end") {
  auto x = abc();
  kept_rows ledger;
  keep(*x, ledger);
  x->reached(1'000'000);
  keep(*x, ledger);
  CHECK(next_of(ledger) == 10);
  x->reached(20'000'000);
  keep(*x, ledger);
  CHECK(next_of(ledger) == 20'000'000);
  x->reached(20'000'001);
  keep(*x, ledger);
  CHECK(next_of(ledger) == 20'000'000);
  keep(*x, ledger, 1, true);
  CHECK(next_of(ledger) == 20'000'001);
}

TEST_CASE("table copy: goes on with the rows of the ledger, if they are of the same") {
  kept_rows ledger{{{"a", "1"}, {"old", "1"}}, table_position{"first", 10}};
  auto x = make_copy();
  CHECK_FALSE(take_from(*x).share.position);
  restore_to(*x, ledger);
  SECTION("the same") {
    CHECK_FALSE(x->problem().empty());
    CHECK(x->resume("first") == 10);
    CHECK(x->problem().empty());
    CHECK((x->rows() == 2 && x->durable() == 10 && x->row("old") == "1"));
    CHECK(keep(*x, ledger).rows.empty());
    CHECK(next_of(ledger) == 10);
  }
  SECTION("something else: they leave the ledger, and those that are as they were stay") {
    CHECK_FALSE(x->resume("second"));
    CHECK_FALSE(x->problem().empty());
    x->replace({put("a", "1"), put("b", "1")}, {"second", 5});
    CHECK(x->durable() == 0); // of another log
    CHECK(x->rows() == 2);
    auto epoch = keep(*x, ledger, 1);
    CHECK((epoch.rows.size() == 1 && !epoch.share.position));
    CHECK((keep(*x, ledger).rows.size() == 1 && x->durable() == 5));
    CHECK(ledger.rows == rows{{"a", "1"}, {"b", "1"}});
    CHECK(ledger.position->of == "second");
  }
  SECTION("rows that are not whole") {
    auto y = make_copy();
    ledger.position.reset();
    restore_to(*y, ledger);
    CHECK_FALSE(y->resume("first"));
    y->replace({}, {"first", 20});
    keep(*y, ledger);
    CHECK((ledger.rows.empty() && next_of(ledger) == 20));
  }
}

TEST_CASE("table copy: an epoch that was taken before the table was read anew confirms nothing") {
  auto x = abc();
  kept_rows ledger;
  auto epoch = take_from(*x);
  x->replace({put("a", "2")}, {"second", 5});
  commit_to(ledger, epoch);
  x->committed();
  CHECK(x->durable() == 0);
  keep(*x, ledger);
  CHECK(ledger.rows == rows{{"a", "2"}});
  CHECK((ledger.position->of == "second" && x->durable() == 5));
}

TEST_CASE("table copy: rows beyond the bounds are left out, deleted ones are waited for") {
  table_bounds bounds;
  bounds.max_rows = 3;
  auto x = abc(bounds);
  kept_rows ledger;
  keep(*x, ledger);
  CHECK(change(*x, {put("d", "1"), put("a", "2")}) == 1);
  CHECK((x->rows() == 3 && !x->row("d")));
  change(*x, {erase("a"), erase("b"), erase("c")});
  CHECK_FALSE(x->crowded());
  CHECK(change(*x, {put("d", "1"), erase("d"), put("e", "1")}) == 0);
  CHECK(x->crowded()); // four that the ledger has not heard of
  keep(*x, ledger);
  CHECK_FALSE(x->crowded());
  CHECK(ledger.rows == rows{{"e", "1"}});

  bounds.max_bytes = 2 * table_copy::size_of("k", "1");
  auto y = make_copy(bounds);
  y->replace({}, {"first", 10});
  CHECK(change(*y, {put("k", "1"), put("l", "1"), put("m", "1")}) == 1);
  CHECK(change(*y, {put("k", "11")}) == 1);
  // What it was is no answer any more, and rows that are not whole are not gone on with.
  CHECK((!y->row("k") && y->row("l") == "1" && y->bytes() == bounds.max_bytes / 2));
  y->reached(20);
  kept_rows not_whole;
  keep(*y, not_whole);
  CHECK(not_whole.rows == rows{{"l", "1"}});
  auto again = make_copy();
  restore_to(*again, not_whole);
  CHECK_FALSE(again->resume("first"));
}

TEST_CASE("table copy: is followed, taken and looked up in at the same time") {
  auto x = make_copy();
  x->replace({}, {"first", 1});
  std::atomic<bool> over{false};
  std::thread follower{[&] {
    for (int64_t at = 2; at < 3000; ++at) {
      auto key = "k" + std::to_string(at % 17);
      change(*x, {at % 3 == 0 ? erase(key) : put(key, std::to_string(at))});
      if (at % 500 == 0)
        change(*x, {{step::kind::clear, {}, {}}});
      x->reached(static_cast<pgoutput::lsn>(at));
    }
    over = true;
  }};
  std::thread reader{[&] {
    while (!over)
      for (int i = 0; i < 17; ++i)
        static_cast<void>(x->row("k" + std::to_string(i)));
  }};
  kept_rows ledger;
  while (!over)
    keep(*x, ledger, 20);
  follower.join();
  reader.join();
  keep(*x, ledger);
  CHECK(ledger.rows.size() == x->rows());
  for (const auto& [key, row] : ledger.rows)
    CHECK(x->row(key) == row);
  CHECK(next_of(ledger) == 2999);
}

TEST_CASE("table copy: a ledger with more rows than the bounds allow is forgotten, and read anew") {
  table_bounds bounds;
  bounds.max_rows = 2;
  kept_rows ledger{{{"a", "1"}, {"b", "1"}, {"c", "1"}}, table_position{"first", 10}};
  auto x = make_copy(bounds);
  restore_to(*x, ledger);
  CHECK(x->rows() == 2);
  CHECK_FALSE(x->resume("first"));
  x->replace({put("a", "1"), put("b", "2")}, {"first", 20});
  keep(*x, ledger);
  CHECK(ledger.rows == rows{{"a", "1"}, {"b", "2"}});
  CHECK(next_of(ledger) == 20);
}

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
