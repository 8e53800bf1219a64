#include "config/output_rows.hpp"

#include "config/spelling.hpp"
#include "features/timestamp_writer.hpp"

#include <algorithm>

namespace keyfold::config {

namespace {

output_format format_of(const node& at) {
  using kind = output_format::kind;
  output_format out;
  auto name = at.is_object() ? at["type"].text() : at.text();
  out.is = name == "csv" ? kind::csv : name == "avro" ? kind::avro : kind::json;
  out.list_separator = at["list_separator"].text();
  out.timestamp_pattern = at["timestamp_format"].text();
  if (at["timestamp_format"])
    if (auto made = timestamp_writer::make(out.timestamp_pattern); !made)
      at["timestamp_format"].complain(made.error().message);
  return out;
}

class rows_reader {
public:
  rows_reader(const node& at, const graph& views, std::vector<declared_stream>& streams,
              output_plan& to)
      : at_(at), views_(views), streams_(streams), to_(to) {}

  void read() {
    if (!at_["views"] == !at_["streams"])
      at_.complain("an output needs either `views`, whose changes it gets, or `streams`, whose "
                   "events");
    to_.every_change = at_.flag_or("every_change", false);
    for (const auto& view : at_["views"].items())
      add_view(view);
    for (const auto& stream : at_["streams"].items())
      add_stream(stream);
    to_.key = at_["key"].texts();
    formats();
    refuse_pointless();
    columns();
  }

private:
  void add_view(const node& at) {
    auto found = views_.view_names().find(at);
    if (!found)
      return;
    const auto* view = views_.checked(*found);
    if (view != nullptr && view->changes_at_once() && !to_.every_change)
      at.complain("every row of the view " + at.quoted()
                  + " is published once, as it comes to be, so its output needs "
                    "`\"every_change\": true`");
    if (view != nullptr && view->changes().values.empty() && view->changes().group.empty())
      at.complain("the view " + at.quoted()
                  + " publishes nothing: it keeps no feature, and has no `published_key`");
    if (std::find(to_.views.begin(), to_.views.end(), at.text()) != to_.views.end())
      at.complain("the view " + at.quoted() + " is listed twice");
    to_.views.push_back(at.text());
  }

  void add_stream(const node& at) {
    auto number = views_.stream_names().find(at);
    if (!number)
      return;
    auto& stream = streams_[*number];
    if (!stream.derived())
      at.complain("the stream " + at.quoted()
                  + " is read from a source, and an output takes the events that views emit");
    if (std::find(to_.streams.begin(), to_.streams.end(), at.text()) != to_.streams.end())
      at.complain("the stream " + at.quoted() + " is listed twice");
    to_.streams.push_back(at.text());
    stream.read = true;
    if (!stream.sound)
      return;
    view_columns known{stream.full};
    for (const auto& column : at_["key"].items())
      known.find_scalar(column);
    for (uint32_t i = 0; i < stream.used.size(); ++i)
      stream.used[i] = stream.used[i] || known.used()[i] || !at_["columns"].is_object();
  }

  void formats() {
    to_.key_format = format_of(at_["key_format"]);
    to_.value_format = format_of(at_["value_format"]);
    auto either = [this](output_format::kind x) {
      return to_.key_format.is == x || to_.value_format.is == x;
    };
    auto csv = either(output_format::kind::csv);
    if (csv && to_.views.size() > 1)
      at_["views"].complain("rows of several views cannot be told apart in CSV; make an output for "
                            "each view, or write JSON");
    if (either(output_format::kind::avro) && to_.views.size() + to_.streams.size() > 1)
      at_.complain(
          "the records of a topic in Avro have one schema; make an output for each view or "
          "stream");
    if (csv && to_.streams.size() > 1)
      at_["streams"].complain("events of several streams cannot be told apart in CSV; make an "
                              "output for each stream, or write JSON");
  }

  /// Keys that would do nothing.
  void refuse_pointless() {
    if (auto at = at_["every_change"]; at && !to_.streams.empty())
      at.complain_of_key("`every_change` is for views; of a stream every event is written");
    if (auto at = at_["key"]; at && !to_.views.empty())
      at.complain_of_key("`key` is for streams; the rows of a view have the key of its entity");
  }

  void columns() {
    auto at = at_["columns"];
    if (!at)
      return;
    if (to_.views.size() + to_.streams.size() != 1) {
      at.complain_of_key("`columns` is for an output of one view or one stream");
      return;
    }
    auto known = to_.views.empty() ? stream_columns() : view_columns_of(to_.views.front());
    if (known.empty())
      return;
    for (const auto& column : known)
      if (at.is_string())
        to_.fields.push_back({column, column});
    for (const auto& [name, column] : at.members()) {
      if (std::find(known.begin(), known.end(), column.text()) == known.end())
        column.complain("the rows of this output have no column " + column.quoted()
                        + suggestion(column.text(), known, "columns"));
      to_.fields.push_back({name, column.text()});
      use_of_stream(column.text());
    }
  }

  /// Those of the key, then the others.
  std::vector<std::string> view_columns_of(const std::string& name) const {
    auto number = *views_.view_names().find(name);
    const auto* view = views_.checked(number);
    if (view == nullptr)
      return {};
    auto out = views_.key_of(number);
    auto add = [&](const std::vector<column>& columns) {
      for (const auto& x : columns)
        if (std::find(out.begin(), out.end(), x.name) == out.end())
          out.push_back(x.name);
    };
    add(view->changes().group);
    add(view->changes().values);
    return out;
  }

  declared_stream& the_stream() const {
    return streams_[*views_.stream_names().find(to_.streams.front())];
  }

  std::vector<std::string> stream_columns() const {
    std::vector<std::string> out;
    for (const auto& x : the_stream().full.fields)
      out.push_back(x.name);
    return out;
  }

  void use_of_stream(const std::string& name) {
    if (to_.streams.empty())
      return;
    auto& stream = the_stream();
    if (auto found = stream.full.find(name))
      stream.used[*found] = true;
  }

  const node& at_;
  const graph& views_;
  std::vector<declared_stream>& streams_;
  output_plan& to_;
};

} // namespace

void read_output_rows(const node& at, const graph& views, std::vector<declared_stream>& streams,
                      output_plan& to) {
  rows_reader{at, views, streams, to}.read();
}

} // namespace keyfold::config
