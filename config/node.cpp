#include "config/node.hpp"

#include "config/quantities.hpp"
#include "config/spelling.hpp"

#include <algorithm>

namespace keyfold::config {

node node::operator[](std::string_view key) const {
  if (!is_object())
    return {};
  auto found = value_->find(key);
  if (found == value_->end())
    return {};
  return {*document_, &*found, join_pointer(pointer_, key)};
}

std::vector<node> node::items() const {
  std::vector<node> out;
  if (value_ == nullptr || !value_->is_array())
    return out;
  for (size_t i = 0; i < value_->size(); ++i)
    out.emplace_back(*document_, &(*value_)[i], join_pointer(pointer_, i));
  return out;
}

std::vector<std::pair<std::string, node>> node::members() const {
  std::vector<std::pair<std::string, node>> out;
  if (!is_object())
    return out;
  for (const auto& [key, value] : value_->items())
    out.emplace_back(key, node{*document_, &value, join_pointer(pointer_, key)});
  std::stable_sort(out.begin(), out.end(), [this](const auto& a, const auto& b) {
    return document_->order_of(a.second.pointer_) < document_->order_of(b.second.pointer_);
  });
  return out;
}

std::string node::text() const {
  return is_string() ? value_->get<std::string>() : std::string{};
}

std::vector<std::string> node::texts() const {
  std::vector<std::string> out;
  for (const auto& x : items())
    out.push_back(x.text());
  return out;
}

std::vector<std::string> node::values() const {
  std::vector<std::string> out;
  auto add = [&](const nlohmann::json& x) {
    out.push_back(x.is_string() ? x.get<std::string>() : x.dump());
  };
  if (value_ != nullptr && value_->is_array())
    std::for_each(value_->begin(), value_->end(), add);
  else if (value_ != nullptr)
    add(*value_);
  return out;
}

std::string node::quoted() const {
  return backquoted(document_->as_written(pointer_));
}

std::string node::text_or(std::string_view key, std::string_view otherwise) const {
  auto x = (*this)[key];
  return x ? x.text() : std::string{otherwise};
}

bool node::flag_or(std::string_view key, bool otherwise) const {
  auto x = (*this)[key];
  return x ? x.value_->get<bool>() : otherwise;
}

double node::number_or(std::string_view key, double otherwise) const {
  auto x = (*this)[key];
  return x ? x.value_->get<double>() : otherwise;
}

std::optional<duration> node::as_duration() const {
  auto parsed = parse_duration(text());
  if (parsed)
    return *parsed;
  complain(quoted() + " " + parsed.error().message);
  return std::nullopt;
}

duration node::duration_or(std::string_view key, duration otherwise) const {
  auto x = (*this)[key];
  return x ? x.as_duration().value_or(otherwise) : otherwise;
}

std::chrono::milliseconds node::milliseconds_or(std::string_view key,
                                                std::chrono::milliseconds otherwise) const {
  auto x = (*this)[key];
  if (!x)
    return otherwise;
  auto read = x.as_duration();
  if (!read)
    return otherwise;
  if (*read % std::chrono::milliseconds{1} != duration{0})
    x.complain(x.quoted() + " is finer than a millisecond, the shortest here is \"1ms\"");
  return std::chrono::floor<std::chrono::milliseconds>(*read);
}

uint64_t node::size_or(std::string_view key, uint64_t otherwise) const {
  auto x = (*this)[key];
  if (!x)
    return otherwise;
  if (!x.is_string())
    return x.value_->get<uint64_t>();
  auto parsed = parse_size(x.text());
  if (parsed)
    return *parsed;
  x.complain(x.quoted() + " " + parsed.error().message);
  return otherwise;
}

char node::character_or(std::string_view key, char otherwise) const {
  auto x = (*this)[key];
  if (!x)
    return otherwise;
  auto read = x.text();
  auto usable = read.size() == 1 && static_cast<unsigned char>(read[0]) < 0x80 && read[0] != '\n'
                && read[0] != '\r' && read[0] != '"';
  if (usable)
    return read[0];
  x.complain(x.quoted()
             + " is not a separator: one ASCII character that is no quote or line break");
  return otherwise;
}

std::map<std::string, std::string> node::properties(std::string_view key) const {
  std::map<std::string, std::string> out;
  for (const auto& [name, x] : (*this)[key].members())
    out[name] = x.is_string() ? x.text() : x.value_->dump();
  return out;
}

void node::complain(std::string sentence) const {
  document_->complain(pointer_, std::move(sentence));
}

void node::complain_of_key(std::string sentence) const {
  document_->complain_of_key(pointer_, std::move(sentence));
}

void node::complain_inside(size_t offset, std::string sentence) const {
  document_->complain_inside(pointer_, offset, std::move(sentence));
}

} // namespace keyfold::config
