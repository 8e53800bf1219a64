#include "connectors/formats/change_lines.hpp"

namespace keyfold {

change_lines::change_lines(row_format format, const std::vector<change_columns>& columns,
                           const row_style& style)
    : format_(format), columns_(columns) {
  auto several = columns_.size() > 1;
  for (auto& x : columns_) {
    writers_.push_back(make_row_writer(format, x, style));
    widths_.push_back(value_fields(x).size());
    auto& view = views_.emplace_back();
    auto& head = heads_.emplace_back();
    if (several) {
      append_csv_text(x.view, view);
      head = x.events ? "{\"stream\":" : "{\"view\":";
      append_json_string(x.view, head);
    }
    if (several || !x.events) {
      head += several ? "," : "{";
      head += x.events ? "\"value\":" : "\"key\":";
    }
  }
  if (format == row_format::csv && columns_.size() == 1)
    header_ = csv_header(columns_[0]);
}

std::string change_lines::csv_header(const change_columns& x) const {
  std::string out = x.events ? "" : "change";
  auto add = [&](const std::string& name) {
    if (!out.empty())
      out.push_back(',');
    append_csv_text(name, out);
  };
  for (const auto& key : x.key)
    if (!x.events)
      add(key.name);
  for (const auto& field : value_fields(x))
    add(field.name);
  return out + "\n";
}

bool change_lines::append(const change& x, std::string& out) const {
  if (x.source >= columns_.size() || !fits(x, columns_[x.source]))
    return false;
  if (format_ == row_format::json)
    append_json(x, out);
  else
    append_csv(x, out);
  out.push_back('\n');
  return true;
}

void change_lines::append_json(const change& x, std::string& out) const {
  const auto& writer = *writers_[x.source];
  const auto& head = heads_[x.source];
  out += head;
  if (!columns_[x.source].events) {
    writer.write_key(x.key, out);
    out += ",\"value\":";
  }
  if (x.erased)
    out += "null";
  else
    writer.write_value(x.key, x.values, out);
  if (!head.empty())
    out.push_back('}');
}

void change_lines::append_csv(const change& x, std::string& out) const {
  if (columns_[x.source].events) {
    writers_[x.source]->write_value(x.key, x.values, out);
    return;
  }
  out += x.erased ? "delete" : "upsert";
  if (!views_[x.source].empty())
    out.append(",").append(views_[x.source]);
  if (!x.key.empty()) {
    out.push_back(',');
    writers_[x.source]->write_key(x.key, out);
  }
  auto width = widths_[x.source];
  if (x.erased) {
    out.append(width, ',');
  } else if (width > 0) {
    out.push_back(',');
    writers_[x.source]->write_value(x.key, x.values, out);
  }
}

} // namespace keyfold
