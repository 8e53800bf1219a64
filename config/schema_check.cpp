#include "config/schema_check.hpp"

#include "config/plan.hpp"
#include "config/schema_navigator.hpp"
#include "config/spelling.hpp"

#include <set>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

namespace keyfold::config {

namespace {

using json = nlohmann::json;

// std::regex recurses once per character: a long string would overflow the stack. What the patterns
// say (names, durations, sizes) the model checks with better messages.
void remove_patterns(json& schema) {
  // A property of that name is an object.
  if (schema.is_object() && schema.contains("pattern") && schema["pattern"].is_string())
    schema.erase("pattern");
  if (schema.is_structured())
    for (auto& part : schema)
      remove_patterns(part);
}

struct compiled_schema {
  json text;
  valijson::Schema schema;

  compiled_schema() : text(json::parse(definition_schema())) {
    remove_patterns(text);
    valijson::SchemaParser parser{valijson::SchemaParser::kDraft7};
    parser.populateSchema(valijson::adapters::NlohmannJsonAdapter{text}, schema);
  }
};

const compiled_schema& the_schema() {
  static const compiled_schema made;
  return made;
}

// valijson writes the way to a value as `<root>`, `[key]`, `[0]`.
std::string pointer_of(const std::vector<std::string>& context) {
  std::string out;
  for (size_t i = 1; i < context.size(); ++i) {
    const auto& part = context[i];
    auto inside = part.size() >= 2 ? part.substr(1, part.size() - 2) : part;
    out = join_pointer(out, inside);
  }
  return out;
}

std::set<std::string> places_of_errors(const json& root) {
  const auto& compiled = the_schema();
  valijson::Validator validator;
  valijson::ValidationResults results;
  valijson::adapters::NlohmannJsonAdapter target{root};
  if (validator.validate(compiled.schema, target, &results))
    return {};
  std::set<std::string> places;
  for (const auto& x : results)
    places.insert(pointer_of(x.context));
  return places;
}

// The parents of a wrong value are wrong only because of it: they have no fault of their own.
size_t report(document& x, const std::set<std::string>& places) {
  schema_navigator navigator{the_schema().text};
  size_t found = 0;
  for (const auto& pointer : places) {
    for (auto& fault : navigator.faults(x, pointer)) {
      ++found;
      if (fault.of_key)
        x.complain_of_key(fault.pointer, std::move(fault.sentence));
      else
        x.complain(fault.pointer, std::move(fault.sentence));
    }
  }
  return found;
}

} // namespace

bool check_schema(document& x) {
  auto places = places_of_errors(x.root());
  auto retyped = false;
  for (const auto& pointer : places)
    retyped = x.retype(pointer) || retyped;
  if (retyped)
    places = places_of_errors(x.root());
  if (places.empty())
    return true;
  if (report(x, places) == 0)
    x.complain("", "the definition does not fit its schema; compare it with `keyfold schema`");
  return false;
}

} // namespace keyfold::config
