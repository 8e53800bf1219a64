#include "connectors/formats/avro/compiler.hpp"

#include "connectors/formats/json_value_reader.hpp"
#include "connectors/formats/text_value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace keyfold::avro {

namespace {

constexpr size_t nowhere = static_cast<size_t>(-1);
const column_options no_options;

bool contains(const std::vector<std::string>& among, const std::string& name) {
  return std::find(among.begin(), among.end(), name) != among.end();
}

} // namespace

result<std::shared_ptr<const program>> program::make(const schema& writer,
                                                     std::shared_ptr<const stream_schema> columns,
                                                     const options_by_column& options) {
  return compiler{writer, std::move(columns), options}.compile();
}

compiler::compiler(const schema& writer, std::shared_ptr<const stream_schema> columns,
                   const options_by_column& options)
    : writer_(writer), options_(options), program_(std::make_shared<program>()),
      filled_(columns->fields.size()), widths_(writer.nodes.size()), routine_(writer.nodes.size()) {
  for (const auto& x : columns->fields)
    paths_.push_back(x.path.empty() ? std::vector{x.name} : x.path);
  program_->columns = std::move(columns);
}

result<std::shared_ptr<const program>> compiler::compile() {
  requests wanted;
  const auto& fields = program_->columns->fields;
  const auto count = static_cast<uint16_t>(fields.size()); // at most 1000, and those looked up
  for (uint16_t i = 0; i < count; ++i)
    if (fields[i].decoded())
      wanted.push_back({i, 0});
  enter("the record");
  auto good = prepare_fillings() && value(writer_.root, wanted);
  if (good) {
    emit(op::end);
    good = routines();
  }
  if (full_)
    problem_ =
        fmt::format("reading these columns takes more than {} steps: the schema has too many "
                    "unions on the way to them",
                    program::max_instructions);
  if (!good || full_)
    return fail(std::move(problem_));
  return std::shared_ptr<const program>{std::move(program_)};
}

const column_options& compiler::options_of(request x) const {
  auto found = options_.find(field_of(x).name);
  return found == options_.end() ? no_options : found->second;
}

bool compiler::prepare_fillings() {
  const auto& fields = program_->columns->fields;
  const auto count = static_cast<uint16_t>(fields.size());
  program_->fillings.resize(count);
  for (uint16_t i = 0; i < count; ++i)
    if (const auto& text = options_of({i, 0}).missing; text && !make_filling(i, *text))
      return wrong(fields[i],
                   fmt::format("its default \"{}\" is no {}", *text, to_string(fields[i].type)));
  return true;
}

bool compiler::make_filling(uint16_t column, const std::string& text) {
  const auto& field = program_->columns->fields[column];
  filled_[column] = true;
  auto& to = program_->fillings[column];
  if (field.type.kind != type_kind::list && field.type.kind != type_kind::map)
    return read_text_value(text, field.type, field, program_->memory, to);
  return json_text_reader{}.read(text, field, program_->memory, to);
}

uint32_t compiler::emit(op what, uint32_t argument, uint16_t column, uint8_t small) {
  if (program_->code.size() >= program::max_instructions) {
    full_ = true;
    return 0;
  }
  program_->code.push_back({what, small, column, argument});
  program_->places.push_back(place_);
  return static_cast<uint32_t>(program_->code.size() - 1);
}

void compiler::take_text(size_t bytes) {
  text_bytes_ += bytes + sizeof(std::string);
  full_ |= text_bytes_ > program::max_text_bytes;
}

uint32_t compiler::label() {
  return label_ = static_cast<uint32_t>(program_->code.size());
}

void compiler::enter(std::string name) {
  take_text(name.size());
  place_ = static_cast<uint32_t>(program_->names.size());
  program_->names.push_back(std::move(name));
}

bool compiler::wrong(std::string sentence) {
  problem_ = std::move(sentence);
  return false;
}

bool compiler::wrong(const stream_field& field, const std::string& reason) {
  return wrong(fmt::format("field `{}`: {}", field.name, reason));
}

bool compiler::value(uint32_t place, const requests& wanted) {
  if (full_)
    return false;
  if (wanted.empty())
    return skip(place);
  std::vector<requests> walks;
  requests deeper;
  for (auto x : wanted) {
    if (x.step == path_of(x).size())
      walks.push_back({x});
    else
      deeper.push_back(x);
  }
  if (!deeper.empty())
    walks.push_back(std::move(deeper));
  for (const auto& x : walks) {
    auto again = &x != &walks.back();
    if (again)
      emit(op::save);
    if (!walk(place, x))
      return false;
    if (again)
      emit(op::restore);
  }
  return true;
}

bool compiler::walk(uint32_t place, const requests& wanted) {
  auto first = wanted.front();
  const auto& field = field_of(first);
  if (first.step > max_schema_depth)
    return wrong(field, fmt::format("its path has more than {} steps", max_schema_depth));
  if (first.step == path_of(first).size()) {
    target_ = &field;
    return leaf(place, first.column, field.type);
  }
  switch (at(place).what) {
  case kind::record:
    return record(place, wanted);
  case kind::map:
    return entries(place, wanted);
  case kind::choice:
    return choice(place, false, [&](uint32_t x) { return walk(x, wanted); });
  case kind::null:
    return true;
  default:
    return wrong(field, fmt::format("on the way to it, `{}`, the writer's schema has {} where a "
                                    "record or a map must be",
                                    fmt::join(path_of(first), "."), to_string(at(place))));
  }
}

size_t compiler::find_field(const node& record, request x) const {
  const auto& path = path_of(x);
  const auto& name = path[x.step];
  const auto& fields = record.fields;
  auto place = [&](auto same) {
    auto found = std::find_if(fields.begin(), fields.end(), same);
    return found == fields.end() ? nowhere : static_cast<size_t>(found - fields.begin());
  };
  auto found = place([&](const auto& f) { return f.name == name; });
  if (found == nowhere && x.step + size_t{1} == path.size())
    for (const auto& alias : options_of(x).aliases)
      if (found == nowhere)
        found = place([&](const auto& f) { return f.name == alias; });
  // What the writer says the field was called before it was renamed.
  return found != nowhere ? found : place([&](const auto& f) { return contains(f.aliases, name); });
}

bool compiler::record(uint32_t place, const requests& wanted) {
  const auto& what = at(place);
  std::vector<requests> by_field(what.fields.size());
  for (auto x : wanted) {
    auto found = find_field(what, x);
    if (found != nowhere)
      by_field[found].push_back({x.column, static_cast<uint16_t>(x.step + 1)});
    else if (filled_[x.column])
      emit(op::fill, 0, x.column);
  }
  auto outer = place_;
  auto prefix = outer == 0 ? std::string{} : program_->names[outer] + ".";
  for (size_t i = 0; i < what.fields.size(); ++i) {
    enter(prefix + what.fields[i].name);
    if (!value(what.fields[i].type, by_field[i]))
      return false;
  }
  place_ = outer;
  return true;
}

/// Of a map: a step of a path is the key of an entry. Of equal keys the last one counts.
bool compiler::entries(uint32_t place, const requests& wanted) {
  std::map<std::string, requests> by_key;
  for (auto x : wanted) {
    const auto& path = path_of(x);
    request behind{x.column, static_cast<uint16_t>(x.step + 1)};
    by_key[path[x.step]].push_back(behind);
    if (behind.step == path.size())
      for (const auto& alias : options_of(x).aliases)
        by_key[alias].push_back(behind);
    if (filled_[x.column])
      emit(op::fill, 0, x.column);
  }
  auto item = at(place).parts.front();
  auto outer = place_;
  auto prefix = outer == 0 ? std::string{} : program_->names[outer] + ".";
  auto table = program_->entries.size();
  program_->entries.emplace_back();
  emit(op::loop);
  auto begin = label();
  auto next = emit(op::next);
  emit(op::entry, static_cast<uint32_t>(table));
  for (const auto& [key, requested] : by_key) {
    program_->entries[table].wanted.emplace_back(key, label());
    take_text(key.size());
    enter(prefix + key);
    if (!value(item, requested))
      return false;
    emit(op::jump, begin);
  }
  place_ = outer;
  program_->entries[table].otherwise = label();
  if (!skip(item))
    return false;
  emit(op::jump, begin);
  land(next);
  emit(op::end_loop);
  return true;
}

bool compiler::choice(uint32_t place, bool item, const branch_body& body) {
  const auto& parts = at(place).parts;
  for (uint8_t i = 0; i < 2 && parts.size() == 2; ++i)
    if (at(parts[i]).what == kind::null && at(parts[1 - i]).what != kind::null)
      return option(place, i, item, body);
  auto table = static_cast<uint32_t>(program_->tables.size());
  program_->tables.emplace_back(parts.size());
  emit(op::branch, table);
  std::vector<uint32_t> ends;
  bool any = false;
  for (size_t i = 0; i < parts.size(); ++i) {
    program_->tables[table][i] = label();
    any |= branch(parts[i], item, body);
    if (full_)
      return false;
    ends.push_back(emit(op::jump));
  }
  for (auto x : ends)
    land(x);
  auto null = [&](uint32_t x) { return at(x).what == kind::null; };
  return any || std::all_of(parts.begin(), parts.end(), null);
}

bool compiler::option(uint32_t place, uint8_t null, bool item, const branch_body& body) {
  auto decided = emit(op::option, 0, 0, null);
  if (!body(at(place).parts[1 - null]))
    return false;
  if (full_)
    return false;
  if (item) {
    auto behind = emit(op::jump);
    land(decided);
    emit(op::nothing);
    land(behind);
  } else {
    land(decided);
  }
  return true;
}

/// One that cannot be read refuses the records that have it; others may have another.
bool compiler::branch(uint32_t place, bool item, const branch_body& body) {
  if (at(place).what == kind::null) {
    if (item)
      emit(op::nothing);
    return false;
  }
  auto size = program_->code.size();
  auto calls = calls_.size();
  auto name = place_;
  if (body(place))
    return true;
  if (full_)
    return false;
  program_->code.resize(size);
  program_->places.resize(size);
  calls_.resize(calls);
  place_ = name;
  emit(op::refuse, static_cast<uint32_t>(program_->sentences.size()));
  program_->sentences.push_back(problem_);
  return false;
}

bool compiler::leaf(uint32_t place, uint16_t column, const data_type& type) {
  auto item = column == program::item;
  switch (at(place).what) {
  case kind::null:
    if (item)
      emit(op::nothing);
    return true;
  case kind::choice:
    return choice(place, item, [&](uint32_t x) { return leaf(x, column, type); });
  case kind::array:
  case kind::map:
    return list(place, column, type);
  case kind::enumeration:
    return enumeration(place, column, type);
  default:
    return scalar(place, column, type);
  }
}

bool compiler::list(uint32_t place, uint16_t column, const data_type& type) {
  auto map = at(place).what == kind::map;
  if (type.kind != (map ? type_kind::map : type_kind::list))
    return wrong(*target_, fmt::format("the writer's type is {}, which cannot become {}",
                                       to_string(at(place)), to_string(type)));
  emit(op::loop);
  auto begin = label();
  auto next = emit(op::next);
  if (map)
    emit(op::key);
  if (!leaf(at(place).parts.front(), program::item, *type.element))
    return false;
  emit(op::jump, begin);
  land(next);
  emit(map ? op::end_map : op::end_list, 0, column);
  return true;
}

bool compiler::scalar(uint32_t place, uint16_t column, const data_type& type) {
  const auto& from = at(place);
  auto how = conversion::make(from, type, *target_);
  if (!how)
    return wrong(*target_, how.error().message);
  auto number = static_cast<uint32_t>(program_->conversions.size());
  program_->conversions.push_back({*how, from.size});
  switch (from.what) {
  case kind::boolean:
    emit(op::flag, number, column);
    break;
  case kind::int32:
    emit(how->is_plain_small_integer() ? op::small_integer : op::number, number, column, 1);
    break;
  case kind::int64:
    if (auto unit = how->plain_moment())
      emit(op::moment, number, column, *unit);
    else
      emit(how->is_plain_integer()         ? op::integer
           : how->is_plain_small_integer() ? op::small_integer
                                           : op::number,
           number, column);
    break;
  case kind::float32:
    emit(op::small_real, number, column);
    break;
  case kind::float64:
    emit(how->is_plain_double() ? op::float64 : op::real, number, column);
    break;
  case kind::fixed:
    emit(op::converted_run, number, column);
    break;
  default:
    emit(how->is_plain_text() ? op::text : op::converted, number, column);
  }
  return true;
}

bool compiler::enumeration(uint32_t place, uint16_t column, const data_type& type) {
  const auto& from = at(place);
  if (auto how = conversion::make(from, type, *target_); !how)
    return wrong(*target_, how.error().message);
  auto found = options_.find(target_->name);
  const auto& known = found == options_.end() ? no_options : found->second;
  program::symbol_table table;
  table.field = target_;
  table.names = from.symbols;
  for (const auto& x : from.symbols) {
    auto unknown = !known.symbols.empty() && !contains(known.symbols, x);
    table.texts.push_back(unknown ? known.missing : std::optional{x});
    take_text(2 * x.size());
  }
  emit(op::symbol, static_cast<uint32_t>(program_->symbols.size()), column);
  program_->symbols.push_back(std::move(table));
  return true;
}

} // namespace keyfold::avro
