#include "decayed_counters_support.hpp"

using namespace keyfold;
using namespace keyfold::counters_test;

namespace {

/// What is said of the settings after `change`.
template <class F>
std::string refusal(F change) {
  auto from = counts_by_name();
  change(from);
  auto made = make_decayed_counters(from);
  return made ? "" : made.error().message;
}

template <class F>
bool same_fingerprint(F change) {
  auto from = counts_by_name();
  auto before = make(from)->fingerprint();
  change(from);
  return make(from)->fingerprint() == before;
}

} // namespace

TEST_CASE("decayed_counters settings: what is wrong is said, with the remedy") {
  CHECK(refusal([](settings&) {}) == "");
  CHECK(refusal([](settings& x) { x.name.clear(); }) == "view ``: it has no name: give it one");
  CHECK(refusal([](settings& x) { x.inputs.clear(); })
        == "view `machine`: it has no input: name a stream to fold");
  CHECK(refusal([](settings& x) { x.measures.clear(); })
        == "view `machine`: it has no measures: add one, e.g. a count");
  CHECK(refusal([](settings& x) { x.decays.clear(); })
        == "view `machine`: its counts and sums have nothing to decay by: add a time constant or a "
           "half-life");
  CHECK(refusal([](settings& x) { x.decays[1].rate.length = 0s; })
        == "view `machine`: the decay `10s` is not longer than 0: give it a length, e.g. \"5s\"");
  CHECK(refusal([](settings& x) { x.pre_aggregate = 0s; })
        == "view `machine`: pre_aggregate is not longer than 0: give the windows a length, e.g. "
           "\"5s\"");
  CHECK(refusal([](settings& x) { x.time_to_live = -1s; })
        == "view `machine`: ttl is not longer than 0: give it a length, e.g. \"7d\", or leave it "
           "out");
  CHECK(refusal([](settings& x) { x.groups.push_back("like"); })
        == "view `machine`: the group `like` is named twice: remove one");
  CHECK(
      refusal([](settings& x) { x.groups.push_back("a|b"); })
      == "view `machine`: the group `a|b` cannot be a value of the columns grouped by: correct it");
  CHECK(
      refusal([](settings& x) { x.inputs[0].group_columns.clear(); })
      == "view `machine`: the input `events` has 0 group column(s) where the view has 1: name all "
         "of them");
  CHECK(refusal([](settings& x) { x.inputs[0].where = expression_of("amount + 1"); })
        == "view `machine`: the `where` of the input `events` is no condition: compare something");
  CHECK(refusal([](settings& x) { x.measures.push_back({"count"}); })
        == "view `machine`: two features are called `like_count_5s`: rename what makes them");
}

TEST_CASE("decayed_counters settings: measures must fit their functions") {
  CHECK(refusal([](settings& x) {
          x.measures.push_back({"amount", function::sum});
        })
        == "view `machine`: the measure `amount` has no expression for the input `events`: add it");
  CHECK(refusal([](settings& x) { add_measure(x, "names", function::sum, "name"); })
        == "view `machine`: the measure `names` sums a string: sum a number");
  CHECK(refusal([](settings& x) {
          add_measure(x, "people", function::distinct, "who");
          x.measures.back().exact_bound = 5000;
        })
        == "view `machine`: the exact bound 5000 of the measure `people` is more than 4096: lower "
           "it");
  CHECK(refusal([](settings& x) {
          for (int i = 0; i < 32; ++i)
            x.measures.push_back({"count" + std::to_string(i)});
        })
        == "view `machine`: 33 measures are more than 32: split it into several views");
}

TEST_CASE("decayed_counters settings: ratios name what there is") {
  CHECK(refusal([](settings& x) {
          x.ratios = {{"ctr", {"like", "count"}, {"views", "count"}}};
        })
        == "view `machine`: the ratio `ctr` names the group `views`, which is none of the view's: "
           "correct it");
  CHECK(refusal([](settings& x) {
          x.ratios = {{"ctr", {"like", "count"}, {"view", "counts"}}};
        })
        == "view `machine`: the ratio `ctr` names the measure `counts`, which the view has not: "
           "correct it");
  CHECK(refusal([](settings& x) {
          x.ratios = {{"like_count", {"like", "count"}, {"view", "count"}}};
        })
        == "view `machine`: two features are called `like_count_5s`: rename what makes them");
}

TEST_CASE("decayed_counters settings: names of published columns differ") {
  CHECK(refusal([](settings& x) { x.group[0].name = "count_5s"; })
        == "view `machine`: two published columns are called `count_5s`: rename the measure or the "
           "decay");
  CHECK(refusal([](settings& x) { x.group[0].name = "last_update"; })
        == "view `machine`: two published columns are called `last_update`: rename one");
}

TEST_CASE("decayed_counters settings: the fingerprint changes with what a state means") {
  CHECK_FALSE(same_fingerprint([](settings& x) { x.groups = {"view", "like"}; }));
  CHECK_FALSE(same_fingerprint([](settings& x) { x.groups.clear(); }));
  CHECK_FALSE(same_fingerprint([](settings& x) { x.decays[0].rate.length = 6s; }));
  CHECK_FALSE(same_fingerprint([](settings& x) { x.decays[0].rate.is_half_life = true; }));
  CHECK_FALSE(same_fingerprint([](settings& x) { x.pre_aggregate = 5s; }));
  CHECK_FALSE(same_fingerprint([](settings& x) { x.time_to_live = 1h; }));
  CHECK_FALSE(same_fingerprint([](settings& x) { x.inputs[0].stream = "others"; }));
  CHECK_FALSE(same_fingerprint([](settings& x) { x.inputs[0].where_text = "amount > 1"; }));
  CHECK_FALSE(same_fingerprint([](settings& x) { x.inputs[0].measure_texts = {"amount"}; }));
  CHECK_FALSE(same_fingerprint([](settings& x) { x.group[0].name = "event"; }));
  CHECK_FALSE(same_fingerprint([](settings& x) { x.measures.push_back({"other"}); }));
}

TEST_CASE("decayed_counters settings: the fingerprint stays when only names and bounds change") {
  CHECK(same_fingerprint([](settings& x) { x.decays[0].name = "short"; }));
  CHECK(same_fingerprint([](settings& x) { x.measures[0].name = "events"; }));
  CHECK(same_fingerprint([](settings& x) { x.late = settings::late_rows::drop; }));
  CHECK(same_fingerprint([](settings& x) { x.max_groups_per_key = 7; }));
  CHECK(same_fingerprint([](settings& x) {
    x.ratios = {{"ctr", {"like", "count"}, {"view", "count"}}};
  }));
}
