#include "connectors/file/change_lines.hpp"

namespace keyfold {

change_lines::change_lines(row_format format, const std::vector<change_columns>& columns)
    : format_(format), columns_(columns) {
  for (auto& x : columns_) {
    writers_.push_back(make_row_writer(format, x));
    std::string view;
    if (columns_.size() > 1 && format == row_format::csv)
      append_csv_text(x.view, view);
    else if (columns_.size() > 1)
      append_json_string(x.view, view);
    views_.push_back(std::move(view));
  }
  if (format == row_format::json || columns_.size() != 1)
    return;
  header_ = "change";
  for (auto* part : {&columns_[0].key, &columns_[0].values})
    for (auto& x : *part) {
      header_.push_back(',');
      append_csv_text(x.name, header_);
    }
  header_.push_back('\n');
}

bool change_lines::append(const change& x, std::string& out) const {
  if (x.source >= columns_.size() || x.key.size() != columns_[x.source].key.size()
      || (!x.erased && x.values.size() != columns_[x.source].values.size()))
    return false;
  if (format_ == row_format::json)
    append_json(x, out);
  else
    append_csv(x, out);
  out.push_back('\n');
  return true;
}

void change_lines::append_json(const change& x, std::string& out) const {
  out.push_back('{');
  if (!views_[x.source].empty())
    out.append("\"view\":").append(views_[x.source]).append(",");
  out += "\"key\":";
  writers_[x.source]->write_key(x.key, out);
  out += ",\"value\":";
  if (x.erased)
    out += "null";
  else
    writers_[x.source]->write_value(x.values, out);
  out.push_back('}');
}

void change_lines::append_csv(const change& x, std::string& out) const {
  out += x.erased ? "delete" : "upsert";
  if (!views_[x.source].empty())
    out.append(",").append(views_[x.source]);
  if (!x.key.empty()) {
    out.push_back(',');
    writers_[x.source]->write_key(x.key, out);
  }
  auto width = columns_[x.source].values.size();
  if (x.erased) {
    out.append(width, ',');
  } else if (width > 0) {
    out.push_back(',');
    writers_[x.source]->write_value(x.values, out);
  }
}

} // namespace keyfold
