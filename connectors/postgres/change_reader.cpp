#include "connectors/postgres/change_reader.hpp"

#include "connectors/postgres/row_cache.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace keyfold::postgres {

bool change_reader::see(const pgoutput::relation& x, std::string& why) {
  if (followed_ != 0 && x.id != followed_)
    return true;
  places_.clear();
  relation_ = x.id;
  width_ = x.columns.size();
  std::vector<size_t> places;
  for (const auto& field : of_.schema->fields) {
    auto found = std::find_if(x.columns.begin(), x.columns.end(),
                              [&](const auto& y) { return y.name == column_of(field); });
    if (found == x.columns.end()) {
      why = fmt::format("the table has no column `{}` any more", column_of(field));
      return false;
    }
    places.push_back(static_cast<size_t>(found - x.columns.begin()));
  }
  for (auto field : of_.key)
    if (!x.columns[places[field]].key) {
      why = fmt::format(
          "updates and deletes do not tell the column `{}`: make it the primary key, or "
          "ALTER TABLE {} REPLICA IDENTITY FULL",
          column_of(of_.schema->fields[field]), of_.table);
      return false;
    }
  places_ = std::move(places);
  return true;
}

bool change_reader::lacks_values(const pgoutput::row& x) const noexcept {
  return std::any_of(places_.begin(), places_.end(), [&](auto place) {
    return place < x.size() && x[place].is == pgoutput::value::kind::unchanged;
  });
}

bool change_reader::key_of(const pgoutput::row& x, std::string& key, std::string& why) const {
  std::vector<cell> cells(of_.key.size());
  arena memory;
  for (size_t i = 0; i < cells.size(); ++i) {
    const auto& field = of_.schema->fields[of_.key[i]];
    const auto& value = x[places_[of_.key[i]]];
    if (value.is != pgoutput::value::kind::text
        || !read_text(value.text, field.type, memory, cells[i])) {
      why = fmt::format("field `{}`: null, or none of its type", field.name);
      return false;
    }
  }
  key = key_bytes(cells);
  return true;
}

bool change_reader::put(const pgoutput::row& now, const old_row& old, table_copy::step& out,
                        std::string& why) const {
  out = {table_copy::step::kind::erase, {}, {}};
  if (now.size() != width_) {
    why = "a row of another number of columns";
    return false;
  }
  if (!key_of(now, out.key, why))
    return false;
  const auto& fields = of_.schema->fields;
  std::vector<const char*> texts(fields.size());
  std::vector<int> sizes(fields.size());
  std::vector<uint8_t> kept(fields.size());
  std::vector<cell> cells;
  arena memory;
  for (size_t i = 0; i < fields.size(); ++i) {
    const auto& value = now[places_[i]];
    using kind = pgoutput::value::kind;
    texts[i] = value.is == kind::text ? value.text.data() : nullptr;
    sizes[i] = static_cast<int>(value.text.size());
    kept[i] = value.is == kind::unchanged ? 1 : 0;
  }
  if (!read_row(*of_.schema, texts, sizes, memory, cells, why, kept)
      || !keep_values(kept, old, out.key, memory, cells, why))
    return false;
  out.is = table_copy::step::kind::put;
  byte_writer writer{out.row};
  for (const auto& x : cells)
    writer.value(x);
  return true;
}

/// Values that the server leaves out are those of the row that was.
bool change_reader::keep_values(const std::vector<uint8_t>& kept, const old_row& old,
                                const std::string& key, arena& memory, std::vector<cell>& cells,
                                std::string& why) const {
  auto first = std::find(kept.begin(), kept.end(), 1);
  if (first == kept.end())
    return true;
  auto before = old(key);
  if (!before) {
    why = fmt::format("field `{}`: its long value is unchanged, so that the server does not send "
                      "it, and the row was left out before: write the value again",
                      of_.schema->fields[static_cast<size_t>(first - kept.begin())].name);
    return false;
  }
  byte_reader reader{*before};
  for (size_t i = 0; i < kept.size(); ++i) {
    auto value = reader.value(memory);
    if (kept[i] != 0)
      cells[i] = memory.copy(value);
  }
  return true;
}

bool change_reader::erase(const pgoutput::row& before, table_copy::step& out,
                          std::string& why) const {
  out.is = table_copy::step::kind::erase;
  if (before.size() != width_) {
    why = "a row of another number of columns";
    return false;
  }
  return key_of(before, out.key, why);
}

} // namespace keyfold::postgres
