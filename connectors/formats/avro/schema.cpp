#include "connectors/formats/avro/schema.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

namespace keyfold::avro {

namespace {

using nlohmann::json;

constexpr std::array<std::pair<std::string_view, kind>, 8> primitives{{{"null", kind::null},
                                                                       {"boolean", kind::boolean},
                                                                       {"int", kind::int32},
                                                                       {"long", kind::int64},
                                                                       {"float", kind::float32},
                                                                       {"double", kind::float64},
                                                                       {"bytes", kind::bytes},
                                                                       {"string", kind::string}}};

constexpr std::array<std::pair<std::string_view, meaning>, 11> meanings{
    {{"decimal", meaning::decimal},
     {"uuid", meaning::uuid},
     {"date", meaning::date},
     {"time-millis", meaning::time_millis},
     {"time-micros", meaning::time_micros},
     {"timestamp-millis", meaning::timestamp_millis},
     {"timestamp-micros", meaning::timestamp_micros},
     {"timestamp-nanos", meaning::timestamp_nanos},
     {"local-timestamp-millis", meaning::timestamp_millis},
     {"local-timestamp-micros", meaning::timestamp_micros},
     {"local-timestamp-nanos", meaning::timestamp_nanos}}};

template <class T, size_t N>
std::optional<T> named(const std::array<std::pair<std::string_view, T>, N>& among,
                       std::string_view name) {
  for (const auto& [known, value] : among)
    if (known == name)
      return value;
  return std::nullopt;
}

bool admits(const node& x) noexcept {
  switch (x.logical) {
  case meaning::none:
    return true;
  case meaning::decimal:
    return (x.what == kind::bytes || x.what == kind::fixed) && x.precision > 0
           && x.scale <= x.precision;
  case meaning::uuid:
    return x.what == kind::string || (x.what == kind::fixed && x.size == 16);
  case meaning::date:
  case meaning::time_millis:
    return x.what == kind::int32;
  default:
    return x.what == kind::int64;
  }
}

/// Reads one schema after another into one graph; later ones may use the names of earlier ones.
class reader {
public:
  std::optional<uint32_t> read(const json& at) { return type(at, "", "the schema", 0); }
  const std::string& problem() const noexcept { return problem_; }
  schema take(uint32_t root) { return {std::move(nodes_), root}; }

private:
  std::nullopt_t wrong(std::string sentence) {
    problem_ = std::move(sentence);
    return std::nullopt;
  }

  std::optional<uint32_t> add(kind what) {
    if (nodes_.size() == max_schema_nodes)
      return wrong(fmt::format("the schema has more than {} types", max_schema_nodes));
    nodes_.emplace_back().what = what;
    return static_cast<uint32_t>(nodes_.size() - 1);
  }

  std::optional<uint32_t> type(const json& at, const std::string& space, const std::string& where,
                               int depth) {
    if (depth > max_schema_depth)
      return wrong(
          fmt::format("{}: the schema is nested more than {} deep", where, max_schema_depth));
    if (at.is_string())
      return by_name(at.get_ref<const std::string&>(), space, where);
    if (at.is_array())
      return choice(at, space, where, depth);
    if (!at.is_object())
      return wrong(where + ": a type is a name, an array or an object");
    auto inner = at.find("type");
    if (inner == at.end())
      return wrong(where + ": the type has no \"type\"");
    if (!inner->is_string())
      return type(*inner, space, where, depth + 1);
    const auto& name = inner->get_ref<const std::string&>();
    if (auto basic = named(primitives, name)) {
      auto made = add(*basic);
      return made ? with_meaning(*made, at) : made;
    }
    if (name == "array" || name == "map")
      return repeated(at, name == "array", space, where, depth);
    if (name == "record" || name == "error" || name == "enum" || name == "fixed")
      return definition(at, name, space, where, depth);
    return by_name(name, space, where);
  }

  std::optional<uint32_t> by_name(const std::string& name, const std::string& space,
                                  const std::string& where) {
    if (auto basic = named(primitives, name))
      return add(*basic);
    for (const auto& full : {full_name(name, space), name})
      if (auto known = names_.find(full); known != names_.end())
        return known->second;
    return wrong(fmt::format("{}: there is no type \"{}\"", where, name.substr(0, 80)));
  }

  static std::string full_name(const std::string& name, const std::string& space) {
    return space.empty() || name.find('.') != std::string::npos ? name : space + "." + name;
  }

  /// The member as a string; empty where it is something else.
  static std::string text(const json& at, const char* key) {
    auto found = at.find(key);
    return found != at.end() && found->is_string() ? found->get<std::string>() : std::string{};
  }

  static std::vector<std::string> texts(const json& at, const char* key) {
    std::vector<std::string> out;
    if (auto found = at.find(key); found != at.end() && found->is_array())
      for (const auto& x : *found)
        if (x.is_string())
          out.push_back(x.get<std::string>());
    return out;
  }

  std::optional<uint32_t> with_meaning(uint32_t place, const json& at) {
    auto& x = nodes_[place];
    auto number = [&](const char* key) {
      auto found = at.find(key);
      return found != at.end() && found->is_number_unsigned()
                 ? static_cast<uint8_t>(std::min<uint64_t>(found->get<uint64_t>(), 255))
                 : uint8_t{0};
    };
    x.logical = named(meanings, text(at, "logicalType")).value_or(meaning::none);
    if (x.logical == meaning::decimal) {
      x.precision = number("precision");
      x.scale = number("scale");
    }
    if (!admits(x))
      x.logical = meaning::none;
    return place;
  }

  std::optional<uint32_t> choice(const json& at, const std::string& space, const std::string& where,
                                 int depth) {
    auto made = add(kind::choice);
    if (!made)
      return made;
    std::vector<uint32_t> branches;
    for (const auto& x : at) {
      auto branch = type(x, space, where, depth + 1);
      if (!branch)
        return branch;
      if (nodes_[*branch].what == kind::choice)
        return wrong(where + ": a union may not stand in a union");
      branches.push_back(*branch);
    }
    if (branches.empty())
      return wrong(where + ": the union has no types");
    nodes_[*made].parts = std::move(branches);
    return made;
  }

  std::optional<uint32_t> repeated(const json& at, bool array, const std::string& space,
                                   const std::string& where, int depth) {
    auto made = add(array ? kind::array : kind::map);
    auto items = at.find(array ? "items" : "values");
    if (!made || items == at.end())
      return made ? wrong(where
                          + (array ? ": the array has no \"items\""
                                   : ": the map has no "
                                     "\"values\""))
                  : made;
    auto item = type(*items, space, where + "[]", depth + 1);
    if (item)
      nodes_[*made].parts.push_back(*item);
    return item ? made : item;
  }

  std::optional<uint32_t> definition(const json& at, const std::string& what,
                                     const std::string& space, const std::string& where,
                                     int depth) {
    auto name = text(at, "name");
    if (name.empty() || name.size() > max_name_bytes)
      return wrong(
          fmt::format("{}: the {} needs a name of 1 to {} bytes", where, what, max_name_bytes));
    auto dot = name.rfind('.');
    auto own_space = dot != std::string::npos   ? name.substr(0, dot)
                     : at.contains("namespace") ? text(at, "namespace")
                                                : space;
    auto full = full_name(name, own_space);
    auto made = add(what == "enum"    ? kind::enumeration
                    : what == "fixed" ? kind::fixed
                                      : kind::record);
    if (!made)
      return made;
    nodes_[*made].name = full;
    if (!names_.emplace(full, *made).second)
      return wrong(fmt::format("{}: there are two types \"{}\"", where, full));
    for (const auto& alias : texts(at, "aliases"))
      names_.emplace(full_name(alias, own_space), *made);
    if (what == "fixed")
      return fixed(*made, at, where);
    return what == "enum" ? enumeration(*made, at, where)
                          : record(*made, at, own_space, where, depth);
  }

  std::optional<uint32_t> fixed(uint32_t place, const json& at, const std::string& where) {
    auto size = at.find("size");
    if (size == at.end() || !size->is_number_unsigned() || size->get<uint64_t>() > max_fixed_bytes)
      return wrong(fmt::format("{}: a fixed needs a \"size\" of 0 to {}", where, max_fixed_bytes));
    nodes_[place].size = size->get<uint32_t>();
    return with_meaning(place, at);
  }

  std::optional<uint32_t> enumeration(uint32_t place, const json& at, const std::string& where) {
    nodes_[place].symbols = texts(at, "symbols");
    if (nodes_[place].symbols.empty() || nodes_[place].symbols.size() != at["symbols"].size())
      return wrong(where + ": an enum needs \"symbols\", an array of names");
    return place;
  }

  std::optional<uint32_t> record(uint32_t place, const json& at, const std::string& space,
                                 const std::string& where, int depth) {
    auto fields = at.find("fields");
    if (fields == at.end() || !fields->is_array())
      return wrong(where + ": a record needs \"fields\", an array");
    std::vector<field> made;
    for (const auto& x : *fields) {
      auto name = x.is_object() ? text(x, "name") : std::string{};
      if (name.empty() || name.size() > max_name_bytes || !x.contains("type"))
        return wrong(
            fmt::format("{}: field {} needs a \"name\" and a \"type\"", where, made.size() + 1));
      auto same = [&](const field& y) { return y.name == name; };
      if (std::any_of(made.begin(), made.end(), same))
        return wrong(fmt::format("{}: there are two fields \"{}\"", where, name));
      auto of = type(x["type"], space, depth == 0 ? name : where + "." + name, depth + 1);
      if (!of)
        return of;
      made.push_back({std::move(name), texts(x, "aliases"), *of});
    }
    nodes_[place].fields = std::move(made);
    return place;
  }

  std::vector<node> nodes_;
  std::map<std::string, uint32_t, std::less<>> names_;
  std::string problem_;
};

std::string_view name_of(meaning x) {
  for (const auto& [name, value] : meanings)
    if (value == x)
      return name;
  return "";
}

} // namespace

result<schema> parse_schema(std::string_view text, std::span<const std::string> references) {
  reader types;
  std::optional<uint32_t> root;
  size_t bytes = text.size();
  for (size_t i = 0; i <= references.size(); ++i) {
    auto last = i == references.size();
    auto source = last ? text : std::string_view{references[i]};
    bytes += last ? 0 : source.size();
    if (bytes > max_schema_bytes)
      return fail(fmt::format("the schema has more than {} bytes", max_schema_bytes));
    auto parsed = json::parse(source, nullptr, false);
    // A registry may hand out the name of a primitive type without quotes.
    if (parsed.is_discarded() && named(primitives, source))
      parsed = std::string{source};
    if (parsed.is_discarded())
      return fail("the schema is not valid JSON");
    root = types.read(parsed);
    if (!root)
      return fail("the schema is not valid Avro: " + types.problem());
  }
  return types.take(*root);
}

std::string to_string(const node& x) {
  std::string name;
  for (const auto& [known, what] : primitives)
    if (what == x.what)
      name = known;
  switch (x.what) {
  case kind::record:
    return "record " + x.name;
  case kind::enumeration:
    return "enum " + x.name;
  case kind::fixed:
    name = fmt::format("fixed {} of {} bytes", x.name, x.size);
    break;
  case kind::array:
    return "array";
  case kind::map:
    return "map";
  case kind::choice:
    return "union";
  default:
    break;
  }
  if (x.logical == meaning::decimal)
    return fmt::format("{} (decimal({},{}))", name, x.precision, x.scale);
  return x.logical == meaning::none ? name : fmt::format("{} ({})", name, name_of(x.logical));
}

} // namespace keyfold::avro
