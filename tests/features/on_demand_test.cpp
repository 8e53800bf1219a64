#include "features/on_demand.hpp"

#include <catch2/catch.hpp>

using namespace keyfold;

namespace {

data_type type(type_kind kind) {
  data_type out;
  out.kind = kind;
  return out;
}

on_demand_view affinity() {
  scope columns{{"likes", type(type_kind::float64)},
                {"views", type(type_kind::float64)},
                {"price", type(type_kind::float64)}};
  auto value = [&](const char* text) { return compile_expression(text, columns).value(); };
  return {"affinity",
          0,
          {{0, 0}, {0, 1}},
          {{"price", type(type_kind::float64)}},
          {{"rate", value("likes / views")}, {"worth", value("COALESCE(likes, 0) * price")}}};
}

feature_value present(double x, int64_t at) {
  return {cell::real(x), feature_status::present, event_time{std::chrono::seconds{at}}};
}

} // namespace

TEST_CASE("on_demand: expressions see the sources and what the request gives") {
  arena memory;
  std::vector<feature_value> from{present(3, 10), present(4, 20)};
  std::vector<cell> given{cell::real(2.5)};
  auto rate = affinity().compute(0, from, given, memory);
  CHECK(rate.value.as_real() == 0.75);
  CHECK(rate.status == feature_status::present);
  CHECK(rate.at == event_time{std::chrono::seconds{20}});
  CHECK(affinity().compute(1, from, given, memory).value.as_real() == 7.5);
}

TEST_CASE("on_demand: a feature needs the parameters that its expression names") {
  CHECK_FALSE(affinity().needs(0, 0));
  CHECK(affinity().needs(1, 0));
}

TEST_CASE("on_demand: what is not found or over is null in the expressions") {
  arena memory;
  std::vector<cell> given{cell::real(2.5)};
  std::vector<feature_value> from{present(3, 10), {}};
  CHECK(affinity().compute(0, from, given, memory).status == feature_status::null_value);
  from = {{}, {}};
  CHECK(affinity().compute(0, from, given, memory).status == feature_status::not_found);
  auto worth = affinity().compute(1, from, given, memory);
  CHECK(worth.status == feature_status::present);
  CHECK(worth.value.as_real() == 0);
  CHECK(worth.at == beginning_of_time);
  from = {{cell::real(3), feature_status::outside_max_age, {}}, present(4, 20)};
  CHECK(affinity().compute(0, from, given, memory).status == feature_status::null_value);
}

TEST_CASE("on_demand: a parameter is read as its type, or not at all") {
  auto read = [](const char* text, type_kind kind) { return read_parameter(text, type(kind)); };
  CHECK(read("true", type_kind::boolean)->as_boolean());
  CHECK(read("-7", type_kind::int32)->as_integer() == -7);
  CHECK(read("1e3", type_kind::float64)->as_real() == 1000);
  CHECK(read("", type_kind::string)->as_text().empty());
  CHECK(read("1970-01-01T00:00:01Z", type_kind::timestamp)->as_timestamp()
        == event_time{std::chrono::seconds{1}});
  for (auto [text, kind] : {std::pair{"yes", type_kind::boolean},
                            {"2147483648", type_kind::int32},
                            {"1.5", type_kind::int64},
                            {"", type_kind::int64},
                            {"nan", type_kind::float64},
                            {"1 ", type_kind::float32},
                            {"yesterday", type_kind::timestamp},
                            {"x", type_kind::bytes}}) {
    INFO(text);
    CHECK_FALSE(read(text, kind));
  }
  CHECK(can_be_parameter(type(type_kind::string)));
  CHECK_FALSE(can_be_parameter(type(type_kind::list)));
}
