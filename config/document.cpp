#include "config/document.hpp"

#include "config/spelling.hpp"

#include <algorithm>

namespace keyfold::config {

namespace {

bool is_name_character(char c) noexcept {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

// What nlohmann's message says beyond the place, which ours gives itself.
std::string syntax_fault(std::string_view message) {
  auto begin = message.find("syntax error ");
  if (begin == std::string_view::npos)
    return "this is not JSON";
  std::string out{message.substr(begin + std::string_view{"syntax error "}.size())};
  return "this is not JSON: " + out.substr(0, 200);
}

} // namespace

document::document(std::string_view text, std::string file, const environment_lookup& variables)
    : text_(text), file_(std::move(file)) {
  if (text.size() > max_bytes) {
    add({}, "a definition may have at most 4 MiB");
    return;
  }
  if (!parse(text))
    return;
  index_.emplace(text);
  if (auto deep = index_->too_deep()) {
    add(index_->at(*deep), "values are nested more than "
                               + std::to_string(position_index::max_depth) + " levels deep");
    root_ = nullptr;
    return;
  }
  for (const auto& twice : index_->duplicates()) {
    auto first = index_->at(twice.first);
    add(index_->at(twice.at),
        "the key " + backquoted(twice.key) + " is here twice; the first is in line "
            + std::to_string(first.line) + ", column " + std::to_string(first.column));
  }
  resolve(root_, "", variables);
}

bool document::parse(std::string_view text) {
  try {
    root_ = nlohmann::json::parse(text.begin(), text.end(), nullptr, true, true);
    return true;
  } catch (const nlohmann::json::parse_error& e) {
    index_.emplace(std::string_view{"null"});
    auto byte = e.byte == 0 ? 0 : std::min(e.byte - 1, text.size());
    auto line_begin = byte == 0 ? std::string_view::npos : text.rfind('\n', byte - 1);
    auto column = line_begin == std::string_view::npos ? byte + 1 : byte - line_begin;
    auto line =
        1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(byte), '\n');
    add({static_cast<uint32_t>(line), static_cast<uint32_t>(column)}, syntax_fault(e.what()));
  } catch (const nlohmann::json::exception&) {
    add({}, "this is not JSON that can be read: a number is too large");
  }
  root_ = nullptr;
  return false;
}

void document::resolve(nlohmann::json& value, const std::string& pointer,
                       const environment_lookup& variables) {
  if (value.is_object()) {
    for (auto& [key, member] : value.items())
      if (member.is_structured() || member.is_string())
        resolve(member, join_pointer(pointer, key), variables);
  } else if (value.is_array()) {
    for (size_t i = 0; i < value.size(); ++i)
      if (value[i].is_structured() || value[i].is_string())
        resolve(value[i], join_pointer(pointer, i), variables);
  } else if (value.is_string()
             && value.get_ref<const std::string&>().find("${") != std::string::npos) {
    resolve_string(value, pointer, variables);
  }
}

void document::resolve_string(nlohmann::json& value, const std::string& pointer,
                              const environment_lookup& variables) {
  auto original = value.get<std::string>();
  std::string_view text = original;
  substitution made{original, {}};
  std::string out;
  size_t at = 0;
  auto literal = [&](size_t end) {
    if (end > at)
      made.pieces.push_back({out.size(), at, false, {}});
    out += text.substr(at, end - at);
    at = end;
  };
  for (;;) {
    auto next = text.find("${", at);
    if (next == std::string_view::npos)
      break;
    if (next > at && text[next - 1] == '$') {
      literal(next);
      at = next + 1; // `$${` stands for `${`
      literal(at + 1);
      continue;
    }
    literal(next);
    auto end = text.find('}', next);
    if (end == std::string_view::npos) {
      complain_inside(pointer, next, "`${` without `}`; write `$${` for the characters themselves");
      return;
    }
    auto resolved =
        resolve_reference(text.substr(next + 2, end - next - 2), pointer, next, variables);
    if (!resolved)
      return;
    made.pieces.push_back({out.size(), next, true, resolved->secret});
    out += resolved->value;
    at = end + 1;
  }
  literal(text.size());
  substitutions_[pointer] = std::move(made);
  value = std::move(out);
}

std::optional<document::reference>
document::resolve_reference(std::string_view text, const std::string& pointer, size_t from,
                            const environment_lookup& variables) {
  auto separator = text.find(":-");
  std::string name{text.substr(0, separator)};
  auto named = !name.empty() && std::all_of(name.begin(), name.end(), is_name_character);
  if (!named) {
    complain_inside(pointer, from,
                    backquoted(name)
                        + " is no name of an environment variable; write `${NAME}` or "
                          "`${NAME:-default}`");
    return std::nullopt;
  }
  auto value = variables ? variables(name) : std::nullopt;
  if (separator != std::string_view::npos && (!value || value->empty()))
    return reference{std::string{text.substr(separator + 2)}, {}};
  if (value) {
    constexpr size_t shortest_secret = 4; // shorter ones are parts of ordinary words
    if (value->size() >= shortest_secret)
      secrets_[*value] = name;
    return reference{*value, *value};
  }
  complain_inside(pointer, from,
                  "the environment variable " + backquoted(name)
                      + " is not set; set it or write `${" + name + ":-default}`");
  return std::nullopt;
}

size_t document::byte_inside(const std::string& pointer, size_t offset) const {
  if (auto found = substitutions_.find(pointer); found != substitutions_.end()) {
    const auto& pieces = found->second.pieces;
    auto after =
        std::find_if(pieces.begin(), pieces.end(), [&](const piece& x) { return x.to > offset; });
    if (after != pieces.begin()) {
      const auto& in = *std::prev(after);
      offset = in.resolved ? in.from : in.from + (offset - in.to);
    }
  }
  auto byte = index_->value(pointer) + 1; // behind the quote
  for (size_t decoded = 0; decoded < offset && byte < text_.size() && text_[byte] != '"';) {
    auto step = next_string_step(text_.substr(byte));
    decoded += step.decoded;
    byte += step.raw;
  }
  return byte;
}

// A message about an expression may quote single words of it.
bool document::reveals_part(const std::string& pointer, const std::string& sentence) const {
  auto found = substitutions_.find(pointer);
  if (found == substitutions_.end())
    return false;
  for (const auto& part : found->second.pieces) {
    std::string_view rest = part.secret;
    while (!rest.empty()) {
      auto end = static_cast<size_t>(std::find_if_not(rest.begin(), rest.end(), is_name_character)
                                     - rest.begin());
      if (end > 0 && sentence.find(rest.substr(0, end)) != std::string::npos)
        return true;
      rest.remove_prefix(std::min(rest.size(), end + 1));
    }
  }
  return false;
}

// Values show up as the variable's name, also where a message has cut them off.
std::string document::redacted(std::string sentence) const {
  constexpr size_t recognisable = 16;
  for (const auto& [value, name] : secrets_) {
    auto replacement = "${" + name + "}";
    auto begin = value.substr(0, recognisable);
    for (auto at = sentence.find(begin); at != std::string::npos;
         at = sentence.find(begin, at + replacement.size())) {
      auto end = std::mismatch(value.begin(), value.end(),
                               sentence.begin() + static_cast<std::ptrdiff_t>(at), sentence.end());
      sentence.replace(at, static_cast<size_t>(end.first - value.begin()), replacement);
    }
  }
  return sentence;
}

void document::complain(const std::string& pointer, std::string sentence) {
  add(index_->at(index_->value(pointer)), std::move(sentence));
}

void document::complain_of_key(const std::string& pointer, std::string sentence) {
  add(index_->at(index_->key(pointer)), std::move(sentence));
}

void document::complain_inside(const std::string& pointer, size_t offset, std::string sentence) {
  if (reveals_part(pointer, sentence))
    sentence = "this is wrong after the variables of "
               + backquoted(substitutions_.at(pointer).original) + " are resolved";
  add(index_->at(byte_inside(pointer, offset)), std::move(sentence));
}

std::string document::as_written(const std::string& pointer) const {
  if (auto found = substitutions_.find(pointer); found != substitutions_.end())
    return found->second.original;
  const auto& value = root_.at(nlohmann::json::json_pointer{pointer});
  return value.is_string() ? value.get<std::string>() : value.dump();
}

bool document::retype(const std::string& pointer) {
  auto found = substitutions_.find(pointer);
  if (found == substitutions_.end() || found->second.pieces.size() != 1
      || !found->second.pieces.front().resolved)
    return false;
  auto& value = root_.at(nlohmann::json::json_pointer{pointer});
  if (!value.is_string())
    return false;
  auto read = nlohmann::json::parse(value.get_ref<const std::string&>(), nullptr, false);
  if (!read.is_number() && !read.is_boolean())
    return false;
  value = std::move(read);
  return true;
}

void document::add(position at, std::string sentence) {
  complaint made{at, redacted(std::move(sentence))};
  if (complaints_.contains(made))
    return;
  if (complaints_.size() == max_messages)
    more_ = true;
  else
    complaints_.insert(std::move(made));
}

plan_errors document::errors() const {
  auto line = [this](position at, const std::string& sentence) {
    return file_ + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) + ": "
           + sentence;
  };
  plan_errors out;
  for (const auto& x : complaints_)
    out.messages.push_back(line(x.at, x.sentence));
  if (more_)
    out.messages.push_back(
        line(complaints_.rbegin()->at, "there are more errors; put these right first"));
  return out;
}

} // namespace keyfold::config
