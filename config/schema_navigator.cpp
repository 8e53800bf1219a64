#include "config/schema_navigator.hpp"

#include "config/spelling.hpp"

#include <algorithm>

namespace keyfold::config {

namespace {

using json = nlohmann::json;
using fault = schema_navigator::fault;

bool has_type(const json& value, const std::string& type) {
  if (type == "integer")
    return value.is_number_integer();
  if (type == "number")
    return value.is_number();
  if (type == "string")
    return value.is_string();
  if (type == "boolean")
    return value.is_boolean();
  if (type == "array")
    return value.is_array();
  return type == "object" && value.is_object();
}

std::string with_article(const std::string& type) {
  if (type == "integer")
    return "a whole number";
  if (type == "boolean")
    return "true or false";
  return (type == "array" || type == "object" ? "an " : "a ") + type;
}

std::vector<std::string> types_of(const json& type) {
  if (type.is_string())
    return {type.get<std::string>()};
  return type.get<std::vector<std::string>>();
}

// The conditions the schema uses: a type, or the value of the member `type`.
bool holds(const json& condition, const json& value) {
  if (condition.contains("type"))
    return has_type(value, condition["type"].get<std::string>());
  const auto& wanted = condition.at("properties").at("type").at("const");
  return value.is_object() && value.contains("type") && value["type"] == wanted;
}

/// The sentences about one value under one schema.
class examiner {
public:
  examiner(const document& x, const std::string& pointer, const json& value,
           std::vector<fault>& out)
      : document_(x), pointer_(pointer), value_(value), out_(out) {
    auto parts = split_pointer(pointer);
    if (parts.empty())
      subject_ = "a definition";
    else if (std::all_of(parts.back().begin(), parts.back().end(),
                         [](char c) { return c >= '0' && c <= '9'; }))
      subject_ =
          parts.size() > 1 ? "every item of " + backquoted(parts[parts.size() - 2]) : "every item";
    else
      subject_ = backquoted(parts.back());
  }

  void examine(const json& schema) {
    if (!type(schema))
      return;
    choice(schema);
    range(schema);
    length(schema);
    size(schema);
    required(schema);
  }

private:
  void say(std::string sentence) { out_.push_back({pointer_, std::move(sentence), false}); }

  bool type(const json& schema) {
    if (!schema.contains("type"))
      return true;
    auto types = types_of(schema["type"]);
    if (std::any_of(types.begin(), types.end(), [&](const auto& x) { return has_type(value_, x); }))
      return true;
    std::string wanted;
    for (size_t i = 0; i < types.size(); ++i)
      wanted += (i == 0 ? "" : i + 1 == types.size() ? " or " : ", ") + with_article(types[i]);
    // What a duration looks like is asked of those who wrote 5 for it.
    if (schema.contains("examples"))
      wanted += ", e.g. " + schema["examples"].front().dump();
    say(subject_ + " must be " + wanted);
    return false;
  }

  void choice(const json& schema) {
    if (!schema.contains("enum"))
      return;
    const auto& values = schema["enum"];
    if (std::find(values.begin(), values.end(), value_) != values.end())
      return;
    auto names = values.get<std::vector<std::string>>();
    auto sentence = subject_ + " must be " + alternatives(names, "or");
    if (value_.is_string()) {
      auto written = document_.as_written(pointer_);
      sentence += ", not " + backquoted(written);
      if (auto guess = nearest(written, names); !guess.empty() && names.size() > 1)
        sentence += ": did you mean " + backquoted(guess) + "?";
    }
    say(std::move(sentence));
  }

  void range(const json& schema) {
    if (!value_.is_number() || !schema.contains("minimum") || !schema.contains("maximum"))
      return;
    // Compared as integers where both are: a double cannot tell 2^63 from its neighbours.
    if (value_ < schema["minimum"] || value_ > schema["maximum"])
      say(subject_ + " must be from " + schema["minimum"].dump() + " to "
          + schema["maximum"].dump());
  }

  void length(const json& schema) {
    if (!value_.is_string())
      return;
    const auto& text = value_.get_ref<const std::string&>();
    if (schema.contains("minLength") && text.size() < schema["minLength"].get<size_t>())
      say(subject_ + " must not be empty");
    // The validator counts characters, not bytes.
    auto characters = static_cast<size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
    if (schema.contains("maxLength") && characters > schema["maxLength"].get<size_t>())
      say(subject_ + " may have at most " + schema["maxLength"].dump()
          + (schema["maxLength"] == 1 ? " character" : " characters"));
  }

  void size(const json& schema) {
    if (!value_.is_structured())
      return;
    auto array = value_.is_array();
    const auto* least = array ? "minItems" : "minProperties";
    const auto* most = array ? "maxItems" : "maxProperties";
    if (schema.contains(least) && value_.size() < schema[least].get<size_t>())
      say(subject_ + " must not be empty");
    if (schema.contains(most) && value_.size() > schema[most].get<size_t>())
      say(subject_ + " may have at most " + schema[most].dump() + (array ? " items" : " keys")
          + ", not " + std::to_string(value_.size()));
  }

  void required(const json& schema) {
    if (!value_.is_object() || !schema.contains("required"))
      return;
    for (const auto& key : schema["required"])
      if (auto name = key.get<std::string>(); !value_.contains(name))
        say(subject_item() + " needs the key " + backquoted(name) + misspelt(name, schema));
  }

  /// Which key may have been meant by the one that is missing, where unknown keys are not told
  /// themselves, since what is known depends on this one.
  std::string misspelt(const std::string& name, const json& schema) const {
    if (schema.value("additionalProperties", json{}) == json(false))
      return "";
    std::vector<std::string> written;
    for (const auto& [key, unused] : value_.items())
      if (!schema.contains("properties") || !schema["properties"].contains(key))
        written.push_back(key);
    auto guess = nearest(name, written);
    return guess.empty() ? "" : ": is it " + backquoted(guess) + ", misspelt?";
  }

  // "every item of `streams` needs" would be odd of the one that does not have it.
  std::string subject_item() const {
    return subject_.rfind("every item of ", 0) == 0 ? "this item of " + subject_.substr(14)
                                                    : subject_;
  }

  const document& document_;
  const std::string& pointer_;
  const json& value_;
  std::vector<fault>& out_;
  std::string subject_;
};

} // namespace

void schema_navigator::collect(const json& schema, const json& value, schemas& out) const {
  if (schema.contains("$ref")) {
    auto target = schema["$ref"].get<std::string>().substr(1);
    collect(schema_.at(json::json_pointer{target}), value, out);
    return;
  }
  out.push_back(&schema);
  if (schema.contains("allOf"))
    for (const auto& part : schema["allOf"])
      collect(part, value, out);
  if (schema.contains("if") && schema.contains("then") && holds(schema["if"], value))
    collect(schema["then"], value, out);
}

schema_navigator::schemas schema_navigator::at(const json& root, const std::string& pointer) const {
  schemas here;
  collect(schema_, root, here);
  const auto* value = &root;
  for (const auto& part : split_pointer(pointer)) {
    schemas next;
    auto in_array = value->is_array();
    value = in_array ? &value->at(std::stoul(part)) : &value->at(part);
    for (const auto* schema : here) {
      if (in_array && schema->contains("items"))
        collect((*schema)["items"], *value, next);
      else if (!in_array && schema->contains("properties")
               && (*schema)["properties"].contains(part))
        collect((*schema)["properties"][part], *value, next);
      else if (!in_array && schema->contains("additionalProperties")
               && (*schema)["additionalProperties"].is_object())
        collect((*schema)["additionalProperties"], *value, next);
    }
    here = std::move(next);
  }
  return here;
}

std::vector<fault> schema_navigator::faults(const document& x, const std::string& pointer) const {
  std::vector<fault> out;
  const auto& value = x.root().at(json::json_pointer{pointer});
  examiner examiner{x, pointer, value, out};
  for (const auto* schema : at(x.root(), pointer)) {
    examiner.examine(*schema);
    if (!value.is_object() || schema->value("additionalProperties", json{}) != json(false))
      continue;
    std::vector<std::string> known;
    for (const auto& [key, unused] : (*schema)["properties"].items())
      known.push_back(key);
    for (const auto& [key, unused] : value.items())
      if (!(*schema)["properties"].contains(key))
        out.push_back({join_pointer(pointer, key),
                       "unknown key " + backquoted(key) + suggestion(key, known, "keys"), true});
  }
  return out;
}

} // namespace keyfold::config
