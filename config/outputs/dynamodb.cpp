#include "config/outputs/targets.hpp"
#include "config/spelling.hpp"

#include <algorithm>
#include <string_view>

namespace keyfold::config {

namespace {

using kind = dynamodb_part::kind;

/// The columns of an output's rows.
struct row_columns {
  std::vector<std::string> key; ///< of a view's rows
  std::vector<std::string> all;
  bool known = false; ///< false: what the rows come from could not be compiled
  bool events = false;
};

row_columns columns_of(const graph& views, const output_plan& rows,
                       const std::vector<declared_stream>& streams) {
  row_columns out;
  if (!rows.views.empty()) {
    auto number = *views.view_names().find(rows.views.front());
    const auto* view = views.checked(number);
    if (view == nullptr)
      return out;
    out.key = views.key_of(number);
    for (const auto& x : view->changes().group)
      out.key.push_back(x.name);
    out.all = out.key;
    for (const auto& x : view->changes().values)
      out.all.push_back(x.name);
  } else {
    const auto& stream = streams[*views.stream_names().find(rows.streams.front())];
    if (!stream.sound)
      return out;
    out.events = true;
    for (const auto& x : stream.full.fields)
      out.all.push_back(x.name);
  }
  out.known = true;
  return out;
}

/// Reads what rows become, and sees that all columns exist.
class item_reader {
public:
  explicit item_reader(const row_columns& columns) : columns_(columns) {}

  std::vector<dynamodb_part> read(const node& at) const {
    std::vector<dynamodb_part> out;
    for (const auto& [name, value] : at.members())
      out.push_back(read_part(name, value));
    return out;
  }

private:
  dynamodb_part read_part(const std::string& name, const node& at) const {
    dynamodb_part out;
    out.name = name;
    if (at.is_object()) {
      out.is = kind::map;
      out.parts = read(at);
    } else if (auto items = at.items(); !items.empty()) {
      out.is = kind::columns;
      for (const auto& x : items)
        out.columns.push_back(column(x));
    } else if (!at.is_string()) {
      out.is = kind::number;
      out.literal = at.values().front();
    } else if (auto text = at.text(); text.front() == '\'') {
      out.is = kind::text;
      if (text.size() < 2 || text.back() != '\'')
        at.complain("the text " + at.quoted() + " has no closing `'`");
      else
        out.literal = text.substr(1, text.size() - 2);
    } else {
      out.columns.push_back(column(at));
    }
    return out;
  }

  std::string column(const node& at) const {
    const auto& known = columns_.all;
    if (columns_.known && std::find(known.begin(), known.end(), at.text()) == known.end())
      at.complain("the rows of this output have no column " + at.quoted()
                  + suggestion(at.text(), known, "columns"));
    return at.text();
  }

  const row_columns& columns_;
};

/// Sees that each of the table's key attributes is made of the row's key, and all of that is there.
class key_check {
public:
  key_check(const node& at, const row_columns& columns, const dynamodb_output& x)
      : at_(at), columns_(columns), output_(x) {}

  void run() {
    look_at("partition_key", output_.partition_key);
    if (!output_.sort_key.empty())
      look_at("sort_key", output_.sort_key);
    if (!output_.sort_key.empty() && output_.sort_key == output_.partition_key)
      at_["sort_key"].complain("`partition_key` and `sort_key` are the same attribute");
    if (!sound_ || columns_.events)
      return;
    for (const auto& x : columns_.key)
      if (std::find(used_.begin(), used_.end(), x) == used_.end())
        at_["partition_key"].complain(
            "the key column " + backquoted(x)
            + " is in neither of the table's keys, so rows would overwrite one another: add a "
              "`sort_key`, or join columns in `item`: "
            + backquoted("\"" + output_.partition_key + "\": [" + quoted_list() + "]"));
  }

private:
  void look_at(const char* name, const std::string& attribute) {
    std::vector<std::string> made_of{attribute};
    if (!output_.item.empty()) {
      auto found = std::find_if(output_.item.begin(), output_.item.end(),
                                [&](const auto& x) { return x.name == attribute; });
      if (found == output_.item.end())
        return complain(name, "`item` has no attribute " + at_[name].quoted());
      if (found->is == kind::map)
        return complain(name, "the attribute " + at_[name].quoted()
                                  + " is a map, and a key is a string, a number or bytes");
      made_of = found->columns;
    }
    for (const auto& x : made_of) {
      const auto& allowed = columns_.events ? columns_.all : columns_.key;
      if (std::find(allowed.begin(), allowed.end(), x) == allowed.end())
        return complain(name,
                        "the table's key is made of " + backquoted(x)
                            + ", which is no column of the rows' key, and of a row that is deleted "
                              "nothing else is known"
                            + suggestion(x, allowed, "key columns"));
      used_.push_back(x);
    }
  }

  void complain(const char* name, std::string sentence) {
    sound_ = false;
    at_[name].complain(std::move(sentence));
  }

  std::string quoted_list() const {
    std::string out;
    for (const auto& x : columns_.key)
      out += (out.empty() ? "\"" : ", \"") + x + "\"";
    return out;
  }

  const node& at_;
  const row_columns& columns_;
  const dynamodb_output& output_;
  std::vector<std::string> used_;
  bool sound_ = true;
};

aws_credentials read_credentials(const node& at) {
  using from = aws_credentials::from;
  aws_credentials out;
  if (at.is_object()) {
    out.profile = at.text_or("profile", "");
    out.access_key = at.text_or("access_key", "");
    out.secret_key = at.text_or("secret_key", "");
    out.session_token = at.text_or("session_token", "");
    out.where = out.profile.empty() ? from::given : from::file;
    if (out.access_key.empty() != out.secret_key.empty()
        || out.profile.empty() == out.access_key.empty())
      at.complain("give a `profile` of the shared file, or `access_key` and `secret_key`");
    return out;
  }
  auto name = at.text();
  out.where = name == "environment" ? from::environment
              : name == "file"      ? from::file
              : name == "container" ? from::container
              : name == "instance"  ? from::instance
                                    : from::anywhere;
  return out;
}

bool is_made_of(const std::string& x, std::string_view others) {
  return std::all_of(x.begin(), x.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
           || others.find(c) != std::string_view::npos;
  });
}

/// What the schema's patterns say of names.
void check_names(const node& at, const dynamodb_output& x) {
  constexpr size_t shortest = 3;
  constexpr size_t longest = 255;
  for (const auto* name : {"table", "marker_table"})
    if (auto given = at[name]; given
                               && (given.text().size() < shortest || given.text().size() > longest
                                   || !is_made_of(given.text(), "_.-")))
      given.complain(given.quoted()
                     + " is no name of a table: 3 to 255 letters, digits, `_`, `.` "
                       "and `-`");
  if (!is_made_of(x.region, "-") || x.region.empty())
    at["region"].complain(at["region"].quoted() + " is no region: write one like `eu-west-1`");
  auto host = x.endpoint.find("://");
  auto path = host == std::string::npos ? host : x.endpoint.find_first_of("/?#", host + 3);
  if (!x.endpoint.empty()
      && ((!x.endpoint.starts_with("http://") && !x.endpoint.starts_with("https://"))
          || host + 3 == x.endpoint.size()
          || (path != std::string::npos && path + 1 < x.endpoint.size())
          || x.endpoint.find_first_of("@ \r\n") != std::string::npos))
    at["endpoint"].complain(at["endpoint"].quoted()
                            + " is no endpoint: write one like `http://127.0.0.1:8000`");
}

/// Text that is always the same in the table's key, by which outputs may share a table.
std::string literal_key(const dynamodb_output& x) {
  std::string out;
  for (const auto& part : x.item)
    if (part.is == kind::text && (part.name == x.partition_key || part.name == x.sort_key))
      out += part.name + "=" + part.literal + "\n";
  return out;
}

} // namespace

dynamodb_output read_dynamodb_output(const node& at, const graph& views, const output_plan& rows,
                                     const std::vector<declared_stream>& streams,
                                     target_names& taken) {
  using timestamps = dynamodb_output::timestamps;
  dynamodb_output out;
  out.region = at.text_or("region", "us-east-1");
  out.endpoint = at.text_or("endpoint", "");
  out.credentials = read_credentials(at["credentials"]);
  out.ca_certificate = at.text_or("ca_certificate", "");
  out.timeout = at.milliseconds_or("timeout", out.timeout);
  out.table = at.text_or("table", "");
  out.create_table = at.flag_or("create_table", false);
  out.partition_key = at.text_or("partition_key", "");
  out.sort_key = at.text_or("sort_key", "");
  out.version = at.text_or("version_attribute", "");
  out.marker_table = at.text_or("marker_table", "");
  out.max_in_flight = at.whole_or("max_in_flight", out.max_in_flight);
  auto unit = at.text_or("timestamps", "rfc3339");
  out.written_as = unit == "s"    ? timestamps::seconds
                   : unit == "ms" ? timestamps::milliseconds
                   : unit == "us" ? timestamps::microseconds
                                  : timestamps::rfc3339;
  check_names(at, out);
  if (at["item"] && at["columns"])
    at["columns"].complain_of_key("`item` says which columns are written, so `columns` does "
                                  "nothing");
  if (rows.views.size() + rows.streams.size() != 1) {
    at.complain("an output of DynamoDB is for one view or one stream; make an output for each");
    return out;
  }
  auto columns = columns_of(views, rows, streams);
  out.item = item_reader{columns}.read(at["item"]);
  if (columns.known)
    key_check{at, columns, out}.run();
  if (!taken.take({"dynamodb", out.endpoint, out.region, out.table, literal_key(out)}))
    at["table"].complain("two outputs write to the table " + at["table"].quoted()
                         + ", and their keys could be the same; give each its own, or a sort key "
                           "that is a text of its own");
  return out;
}

} // namespace keyfold::config
