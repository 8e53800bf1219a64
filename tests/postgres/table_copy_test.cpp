#include <catch2/catch.hpp>

#include "copy_steps.hpp"
#include "kept_rows.hpp"

#include "connectors/postgres/transaction_steps.hpp"

#include <atomic>
#include <memory>
#include <thread>

using namespace keyfold;
using namespace keyfold::postgres;
using namespace keyfold::postgres::test;

namespace {

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
