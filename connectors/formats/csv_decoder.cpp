#include "connectors/formats/csv_decoder.hpp"

#include "connectors/formats/text_value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace keyfold {

namespace {

const char* find(const char* first, const char* last, char c) noexcept {
  auto* at = static_cast<const char*>(std::memchr(first, c, static_cast<size_t>(last - first)));
  return at ? at : last;
}

} // namespace

bool csv_splitter::next() {
  if (at_end_)
    return false;
  quoted_ = next_ != end_ && *next_ == '"';
  if (quoted_)
    return next_quoted();
  auto* first = next_;
  next_ = find(first, end_, delimiter_);
  text_ = {first, static_cast<size_t>(next_ - first)};
  if (text_.find('"') != std::string_view::npos) {
    problem_ = "a quote stands inside a field that is not quoted";
    at_end_ = true;
    return false;
  }
  return end_field();
}

bool csv_splitter::next_quoted() {
  auto* first = ++next_;
  unquoted_.clear();
  while (true) {
    auto* quote = find(next_, end_, '"');
    if (quote == end_) {
      problem_ = "a quoted field is not closed";
      at_end_ = true;
      return false;
    }
    if (quote + 1 == end_ || quote[1] != '"') {
      // Without a doubled quote inside, the field can be shown where it is.
      if (unquoted_.empty())
        text_ = {first, static_cast<size_t>(quote - first)};
      else
        text_ = unquoted_.append(next_, quote);
      next_ = quote + 1;
      break;
    }
    unquoted_.append(next_, quote + 1);
    next_ = quote + 2;
  }
  if (next_ == end_ || *next_ == delimiter_)
    return end_field();
  problem_ = "something stands between a closing quote and the next delimiter";
  at_end_ = true;
  return false;
}

bool csv_splitter::end_field() {
  at_end_ = next_ == end_;
  if (!at_end_)
    ++next_;
  return true;
}

csv_decoder::csv_decoder(std::shared_ptr<const stream_schema> schema,
                         const record_format_settings& settings)
    : schema_(std::move(schema)), delimiter_(settings.delimiter), header_(settings.header),
      what_(settings.what) {}

result<void> csv_decoder::set_columns(const std::vector<std::string>& names) {
  std::vector<std::vector<uint32_t>> fields_at(names.size());
  for (uint32_t i = 0; i < schema_->fields.size(); ++i) {
    auto& field = schema_->fields[i];
    if (!field.decoded())
      continue;
    auto& wanted = field.path.empty() ? field.name : field.path.front();
    auto place = std::find(names.begin(), names.end(), wanted);
    if (place == names.end())
      return fail(fmt::format("{} `{}`: the CSV columns are {}: none of them is `{}`", what_,
                              schema_->name, fmt::join(names, ", "), wanted));
    fields_at[static_cast<size_t>(place - names.begin())].push_back(i);
  }
  fields_at_ = std::move(fields_at);
  return {};
}

result<void> csv_decoder::read_header(std::string_view line) {
  line = without_line_end(line);
  if (!simdjson::validate_utf8(line.data(), line.size()))
    return fail(fmt::format("{} `{}`: the CSV header is not UTF-8", what_, schema_->name));
  if (line.substr(0, 3) == "\xef\xbb\xbf")
    line.remove_prefix(3);
  std::vector<std::string> names;
  csv_splitter fields{line, delimiter_};
  while (fields.next())
    names.emplace_back(fields.text());
  if (!fields.problem().empty())
    return fail(
        fmt::format("{} `{}`: in the CSV header {}", what_, schema_->name, fields.problem()));
  return set_columns(names);
}

std::optional<error> csv_decoder::read_record(std::string_view record, std::span<cell> row,
                                              arena& memory) {
  csv_splitter columns{record, delimiter_};
  size_t place = 0;
  for (; columns.next(); ++place) {
    if (place >= fields_at_.size())
      continue;
    for (auto field : fields_at_[place])
      if (auto failure = read_column(columns, field, row[field], memory))
        return failure;
  }
  if (!columns.problem().empty())
    return error{fmt::format("column {}: {}", place + 1, columns.problem())};
  if (place != fields_at_.size())
    return error{fmt::format("expected {} columns, found {}", fields_at_.size(), place)};
  return std::nullopt;
}

std::optional<error> csv_decoder::read_column(const csv_splitter& from, uint32_t index, cell& out,
                                              arena& memory) {
  auto& field = schema_->fields[index];
  if (from.text().empty() && !from.quoted())
    return std::nullopt;
  auto nested = field.type.kind == type_kind::list || field.type.kind == type_kind::map;
  auto good = nested ? json_.read(from.text(), field, memory, out)
                     : read_text_value(from.text(), field.type, field, memory, out);
  if (good)
    return std::nullopt;
  return wrong_value(field, from.text(), true);
}

} // namespace keyfold
