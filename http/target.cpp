#include "http/target.hpp"

#include <simdjson.h>

namespace keyfold::http {

namespace {

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

bool control(unsigned char c) noexcept {
  return c < 0x20 || c == 0x7f;
}

} // namespace

bool target::parse(std::string_view raw) {
  segment_count_ = parameter_count_ = 0;
  decoded_.clear();
  decoded_.reserve(raw.size());
  auto fragment = raw.find('#');
  auto mark = raw.find('?');
  auto path = raw.substr(0, mark);
  auto query = mark == std::string_view::npos ? std::string_view{} : raw.substr(mark + 1);
  if (fragment == std::string_view::npos && path.starts_with('/') && parse_path(path.substr(1))
      && parse_query(query))
    return true;
  segment_count_ = parameter_count_ = 0;
  return false;
}

bool target::parse_path(std::string_view path) {
  for (;;) {
    auto end = path.find('/');
    if (segment_count_ == max_segments || !decode(path.substr(0, end), segments_[segment_count_]))
      return false;
    ++segment_count_;
    if (end == std::string_view::npos)
      return true;
    path.remove_prefix(end + 1);
  }
}

bool target::parse_query(std::string_view query) {
  while (!query.empty()) {
    auto end = query.find('&');
    auto part = query.substr(0, end);
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
    if (part.empty())
      continue;
    if (parameter_count_ == max_parameters)
      return false;
    auto& next = parameters_[parameter_count_];
    auto equals = part.find('=');
    if (!decode(part.substr(0, equals), next.name))
      return false;
    next.value = {};
    if (equals != std::string_view::npos && !decode(part.substr(equals + 1), next.value))
      return false;
    ++parameter_count_;
  }
  return true;
}

bool target::decode(std::string_view part, std::string_view& out) {
  bool plain = true;
  bool ascii = true;
  for (auto c : part) {
    auto byte = static_cast<unsigned char>(c);
    if (control(byte))
      return false;
    plain &= c != '%';
    ascii &= byte < 0x80;
  }
  if (plain) {
    out = part;
    return ascii || simdjson::validate_utf8(part.data(), part.size());
  }
  auto begin = decoded_.size();
  for (size_t i = 0; i < part.size(); ++i) {
    if (part[i] != '%') {
      decoded_.push_back(part[i]);
      continue;
    }
    if (i + 2 >= part.size())
      return false;
    auto high = hex_value(part[i + 1]);
    auto low = hex_value(part[i + 2]);
    if (high < 0 || low < 0)
      return false;
    auto byte = static_cast<unsigned char>(high * 16 + low);
    if (control(byte))
      return false;
    decoded_.push_back(static_cast<char>(byte));
    i += 2;
  }
  out = std::string_view{decoded_}.substr(begin);
  return simdjson::validate_utf8(out.data(), out.size());
}

std::optional<std::string_view> target::find(std::string_view name) const noexcept {
  for (const auto& x : parameters())
    if (x.name == name)
      return x.value;
  return std::nullopt;
}

} // namespace keyfold::http
