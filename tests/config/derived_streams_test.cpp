#include "config/stages.hpp"
#include "graph_fixture.hpp"

#include <catch2/catch.hpp>

namespace keyfold::config {

namespace {

/// A view over `stream` that emits `emitted` as `emits`; both parts may have further keys.
std::string single(const std::string& name, const std::string& stream, const std::string& emits) {
  return R"({"name": ")" + name + R"(", "type": "single", "entity": "user", "stream": )" + stream
         + (emits.empty() ? "" : R"(, "emits": )" + emits) + "}";
}

const std::string of_orders = R"("orders", "key": {"user": "buyer"})";
const std::string of_clicks = R"("clicks", "emitted": ["user", "item", "note"])";

std::vector<std::string> names_of(const stream_schema& x) {
  std::vector<std::string> out;
  for (const auto& field : x.fields)
    out.push_back(field.name);
  return out;
}

} // namespace

TEST_CASE("derived streams: what a view emits is a stream of the columns that something uses") {
  graph_fixture made{two_streams(single("reader", R"("found", "column": "item")", "") + ","
                                 + single("emitter", of_clicks, R"("found")") + ","
                                 + single("other", of_orders, ""))};
  auto entities = made.build();
  INFO(made.all_errors());
  REQUIRE_FALSE(made.source.failed());
  REQUIRE(made.schemas.size() == 3);
  CHECK(std::get<view_source>(made.streams[2].plan.source).view == "emitter");
  const auto& schema = *made.schemas[2];
  CHECK(schema.name == "found");
  CHECK(names_of(schema) == std::vector<std::string>{"user", "item"});
  CHECK(schema.fields[1].type.kind == type_kind::int64);
  CHECK_FALSE(schema.time.field.has_value());
  CHECK(schema.time.max_delay.count() == 0);
  REQUIRE(entities[0]->views.size() == 3);
  CHECK(entities[0]->views[0]->name() == "reader");
  auto input = std::find_if(entities[0]->inputs.begin(), entities[0]->inputs.end(),
                            [](const auto& x) { return x.stream == "found"; });
  REQUIRE(input != entities[0]->inputs.end());
  CHECK(input->key_columns == std::vector<uint32_t>{0});
}

TEST_CASE("derived streams: several stages, in any order of declaration") {
  graph_fixture made{two_streams(
      single("third", R"("second", "column": "item")", "") + ","
      + single("second", R"("first", "emitted": ["user", "item"])", R"("second")") + ","
      + single("first", of_clicks, R"("first")") + "," + single("other", of_orders, ""))};
  made.build();
  INFO(made.all_errors());
  CHECK_FALSE(made.source.failed());
  CHECK(names_of(*made.schemas[2]) == std::vector<std::string>{"user", "item"});
  CHECK(names_of(*made.schemas[3]) == std::vector<std::string>{"user", "item"});
}

TEST_CASE("derived streams: they may derive columns and leave events out") {
  graph_fixture made{two_streams(
      single("emitter", of_clicks,
             R"({"name": "found", "derived": {"twice": "item * 2"}, "where": "item > 3"})")
      + "," + single("reader", R"("found", "column": "twice")", "") + ","
      + single("other", of_orders, ""))};
  made.build();
  INFO(made.all_errors());
  REQUIRE_FALSE(made.source.failed());
  CHECK(names_of(*made.schemas[2]) == std::vector<std::string>{"user", "item", "twice"});
  CHECK(made.schemas[2]->where.has_value());
  CHECK(made.schemas[2]->fields[2].derived.has_value());
}

TEST_CASE("derived streams: mistakes are told where they are") {
  struct wrong {
    std::string views;
    std::string sentence;
  };
  const auto other = single("other", of_orders, "");
  const wrong all[] = {
      {single("a", R"("first", "emitted": ["user"])", R"("first")") + "," + other,
       "a view cannot read what comes of its own events: `a` reads `a`"},
      {single("a", R"("second", "emitted": ["user"])", R"("first")") + ","
           + single("b", R"("first", "emitted": ["user"])", R"("second")") + "," + other,
       "`a` reads `b` reads `a`; take one of these views out of the circle"},
      {single("a", R"("clicks")", R"("found")") + "," + single("b", R"("found")", "") + "," + other,
       "the view `a` emits no events; remove its `emits`"},
      {single("a", of_clicks, R"("found")") + "," + other, "nothing reads the stream `found`"},
      {single("a", of_clicks, R"("orders")") + "," + single("b", R"("orders")", "") + "," + other,
       "there are two streams called `orders`; rename one"},
      {single("a", of_clicks, R"("found")") + "," + single("b", R"("fund")", "") + "," + other,
       "none of the streams is called `fund`: did you mean `found`?"},
      {single("a", of_clicks, R"("found")") + "," + single("b", R"("found", "column": "itm")", "")
           + "," + other,
       "the stream `found` has no column `itm`: did you mean `item`?"},
      {single("a", of_clicks, R"({"name": "found", "where": "item"})") + ","
           + single("b", R"("found")", "") + "," + other,
       "a condition must be true or false, and this is `int64`"},
      {single("a", of_clicks, R"({"name": "found", "derived": {"item": "1"}})") + ","
           + single("b", R"("found")", "") + "," + other,
       "there is a field called `item` already"},
  };
  for (const auto& x : all) {
    INFO(x.views);
    graph_fixture made{two_streams(x.views)};
    INFO(made.all_errors());
    REQUIRE(made.source.failed());
    CHECK(made.all_errors().find(x.sentence) != std::string::npos);
  }
}

TEST_CASE("derived streams: stages come in their order, circles are found") {
  std::vector<std::vector<uint32_t>> circles;
  auto note = [&](std::span<const uint32_t> x) { circles.emplace_back(x.begin(), x.end()); };
  CHECK(sort_by_stage({{2}, {0}, {}}, note) == std::vector<uint32_t>{2, 0, 1});
  CHECK(circles.empty());
  CHECK(sort_by_stage({{1}, {2}, {1}, {}}, note).size() == 4);
  REQUIRE(circles.size() == 1);
  CHECK(circles[0] == std::vector<uint32_t>{1, 2, 1});
}

TEST_CASE("outputs: events of a stream are written with the columns asked for") {
  const auto views = single("emitter", of_clicks, R"("found")") + "," + single("o", of_orders, "");
  auto read = [&](const std::string& keys) {
    auto made = std::make_unique<graph_fixture>(
        two_streams(views, R"({"name": "events", "type": "file", "path": "e", "streams": ["found"])"
                               + keys + "}"));
    made->build();
    INFO(made->all_errors());
    REQUIRE_FALSE(made->source.failed());
    return made;
  };
  auto all = read("");
  CHECK(all->shown.outputs.at(0).streams == std::vector<std::string>{"found"});
  CHECK(all->shown.outputs[0].fields.empty());
  CHECK(names_of(*all->schemas[2]) == std::vector<std::string>{"user", "item", "note"});
  auto some = read(R"(, "columns": {"itemId": "item", "userId": "user"})");
  const auto& fields = some->shown.outputs.at(0).fields;
  REQUIRE(fields.size() == 2);
  CHECK(fields[0].name == "itemId");
  CHECK(fields[0].column == "item");
  CHECK(fields[1].name == "userId");
  CHECK(names_of(*some->schemas[2]) == std::vector<std::string>{"user", "item"});
}

TEST_CASE("outputs: mistakes in what they write are told where they are") {
  const auto views = single("emitter", of_clicks, R"("found")") + ","
                     + single("more", of_clicks, R"("others")") + "," + single("o", of_orders, "");
  struct wrong {
    std::string keys;
    std::string sentence;
  };
  const wrong all[] = {
      {R"("path": "p")", "an output needs either `views`"},
      {R"("views": ["o"], "streams": ["found"])", "an output needs either `views`"},
      {R"("streams": ["fond", "others"])", "none of the streams is called `fond`"},
      {R"("streams": ["found", "found", "others"])", "the stream `found` is listed twice"},
      {R"("streams": ["clicks"])", "the stream `clicks` is read from a source"},
      {R"("streams": ["found"], "every_change": true)", "`every_change` is for views"},
      {R"("views": ["o"], "key": ["user"])", "`key` is for streams"},
      {R"("streams": ["found"], "key": ["usr"])", "the stream `found` has no column `usr`"},
      {R"("streams": ["found"], "columns": {"a": "itm"})",
       "the rows of this output have no column `itm`: did you mean `item`?"},
      {R"("streams": ["found", "others"], "columns": "all")",
       "`columns` is for an output of one view or one stream"},
      {R"("streams": ["found", "others"], "value_format": "csv")",
       "events of several streams cannot be told apart in CSV"},
  };
  for (const auto& x : all) {
    INFO(x.keys);
    graph_fixture made{
        two_streams(views, R"({"name": "events", "type": "file", "path": "e", )" + x.keys + "}")};
    INFO(made.all_errors());
    REQUIRE(made.source.failed());
    CHECK(made.all_errors().find(x.sentence) != std::string::npos);
  }
}

TEST_CASE("outputs: a format may say how lists and timestamps are written") {
  auto with = [](const std::string& format) {
    return compile_text(
        changed(R"("views": ["activity"])", R"("views": ["activity"], "value_format": )" + format));
  };
  auto made =
      with(R"({"type": "csv", "list_separator": ",", "timestamp_format": "%Y-%m-%d %H:%M:%S"})");
  REQUIRE(made);
  const auto& format = made->outputs.at(0).value_format;
  CHECK(format.is == output_format::kind::csv);
  CHECK(format.list_separator == ",");
  CHECK(format.timestamp_pattern == "%Y-%m-%d %H:%M:%S");
  auto refused = [&](const std::string& text, const std::string& sentence) {
    auto wrong = with(text);
    REQUIRE_FALSE(wrong);
    INFO(wrong.error().messages.at(0));
    CHECK(wrong.error().messages.at(0).find(sentence) != std::string::npos);
  };
  refused(R"({"type": "csv", "timestamp_format": "%Q"})", "wrong at `%Q`");
  refused(R"({"type": "json", "list_separator": ","})", "unknown key `list_separator`");
  refused(R"("xml")", "`value_format` must be");
}

TEST_CASE("outputs: a view's value can have the key's columns too, and names of its own") {
  auto fields = [](const std::string& columns) {
    std::vector<std::string> out;
    auto made = compile_text(
        changed(R"("views": ["activity"])", R"("views": ["activity"], "columns": )" + columns));
    REQUIRE(made);
    for (const auto& x : made->outputs.at(0).fields)
      out.push_back(x.name + "=" + x.column);
    return out;
  };
  auto all = fields(R"("all")");
  REQUIRE(all.size() > 2);
  CHECK(all[0] == "userId=userId");
  CHECK(all[1] == "eventName=eventName");
  CHECK(fields(R"({"who": "userId", "what": "eventName"})")
        == std::vector<std::string>{"who=userId", "what=eventName"});
  auto wrong = compile_text(
      changed(R"("views": ["activity"])", R"("views": ["activity"], "columns": "some")"));
  REQUIRE_FALSE(wrong);
  INFO(wrong.error().messages.front());
  CHECK(wrong.error().messages.front().find("`columns` must be `all`") != std::string::npos);
}

TEST_CASE("explain: derived streams lead from their view to those who read them") {
  graph_fixture made{two_streams(single("emitter", of_clicks, R"("found")") + ","
                                 + single("reader", R"("found", "column": "item")", "") + ","
                                 + single("other", of_orders, ""))};
  plan shown;
  shown.entities = made.build();
  for (size_t i = 0; i < made.streams.size(); ++i) {
    shown.streams.push_back(made.streams[i].plan);
    shown.streams.back().schema = made.schemas[i];
  }
  auto text = explain_text(shown);
  INFO(text);
  CHECK(text.find("stream found\n"
                  "  from     what the view emitter emits\n"
                  "  reads    user string, item int64\n"
                  "  time     as the view says, in step with the view\n")
        != std::string::npos);
  CHECK(text.find("(bare of clicks): 0 features\n    -> stream found\n") != std::string::npos);
  auto chart = explain_mermaid(shown);
  INFO(chart);
  CHECK(chart.find("stream2[/\"stream found\"/]") != std::string::npos);
  CHECK(chart.find("source2") == std::string::npos);
  CHECK(chart.find("view0_0 --> stream2\n") != std::string::npos);
  CHECK(chart.find("stream2 --> view0_1\n") != std::string::npos);
}

} // namespace keyfold::config
