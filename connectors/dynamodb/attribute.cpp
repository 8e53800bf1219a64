#include "connectors/dynamodb/attribute.hpp"

#include "connectors/formats/base64.hpp"
#include "connectors/formats/row_writer.hpp"
#include "features/decimal.hpp"
#include "features/timestamp_format.hpp"

#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <span>

namespace keyfold::dynamodb {

namespace {

// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
constexpr double smallest = 1e-130;
constexpr double largest = 9.99e125;
constexpr size_t bytes_of_nested = 3;

bool is_null(const cell& x) noexcept {
  return x.is_null() || (x.kind() == cell_kind::real && !std::isfinite(x.as_real()));
}

void append_moment(event_time at, timestamp_style style, std::string& out) {
  // Of microseconds: how many digits stand behind the point.
  auto scale = style == timestamp_style::seconds        ? uint8_t{6}
               : style == timestamp_style::milliseconds ? uint8_t{3}
                                                        : uint8_t{0};
  append_decimal(cell::decimal(at.time_since_epoch().count(), scale), out);
  if (scale == 0)
    return;
  out.resize(out.find_last_not_of('0') + 1);
  if (out.back() == '.')
    out.pop_back();
}

result<void> append_real(double x, bool single, std::string& out) {
  if (std::abs(x) > largest)
    return fail(fmt::format("{} is larger than the 9.99E125 that DynamoDB holds", x));
  if (std::abs(x) < smallest)
    out.push_back('0');
  else if (single)
    fmt::format_to(std::back_inserter(out), "{}", static_cast<float>(x));
  else
    fmt::format_to(std::back_inserter(out), "{}", x);
  return {};
}

/// Writes values; the depth is that of their type, which a definition bounds.
class attribute_appender {
public:
  attribute_appender(timestamp_style timestamps, std::string& out, size_t& size)
      : timestamps_(timestamps), out_(out), size_(size) {}

  result<void> append(const cell& value, const data_type& type) {
    if (is_null(value)) {
      out_ += R"({"NULL":true})";
      ++size_;
      return {};
    }
    switch (value.kind()) {
    case cell_kind::boolean:
      out_ += value.as_boolean() ? R"({"BOOL":true})" : R"({"BOOL":false})";
      ++size_;
      return {};
    case cell_kind::list:
      return append_list(value.items(), type);
    case cell_kind::map:
      return append_map(value.items(), type);
    case cell_kind::string:
      out_ += R"({"S":)";
      append_json_string(value.as_text(), out_);
      out_.push_back('}');
      size_ += value.as_text().size();
      return {};
    case cell_kind::bytes:
      out_ += R"({"B":")";
      append_base64(value.as_text(), out_);
      out_ += "\"}";
      size_ += value.as_text().size();
      return {};
    default:
      return append_scalar(value, type);
    }
  }

private:
  /// Numbers and timestamps.
  result<void> append_scalar(const cell& value, const data_type& type) {
    ++size_;
    auto as_text = value.kind() == cell_kind::timestamp && timestamps_ == timestamp_style::rfc3339;
    out_ += as_text ? R"({"S":")" : R"({"N":")";
    result<void> done;
    if (as_text)
      append_rfc3339(value.as_timestamp(), out_);
    else if (value.kind() == cell_kind::timestamp)
      append_moment(value.as_timestamp(), timestamps_, out_);
    else if (value.kind() == cell_kind::real)
      done = append_real(value.as_real(), type.kind == type_kind::float32, out_);
    else if (value.kind() == cell_kind::decimal)
      append_decimal(value, out_);
    else
      fmt::format_to(std::back_inserter(out_), "{}", value.as_integer());
    out_ += "\"}";
    return done;
  }

  result<void> append_list(std::span<const cell> items, const data_type& type) {
    size_ += bytes_of_nested;
    out_ += R"({"L":[)";
    for (const auto& x : items) {
      if (&x != &items.front())
        out_.push_back(',');
      if (auto done = append(x, type.element ? *type.element : type); !done)
        return done;
    }
    out_ += "]}";
    return {};
  }

  result<void> append_map(std::span<const cell> entries, const data_type& type) {
    size_ += bytes_of_nested;
    out_ += R"({"M":{)";
    for (size_t i = 0; i + 1 < entries.size(); i += 2) {
      if (i > 0)
        out_.push_back(',');
      append_json_string(entries[i].as_text(), out_);
      out_.push_back(':');
      size_ += entries[i].as_text().size();
      if (auto done = append(entries[i + 1], type.element ? *type.element : type); !done)
        return done;
    }
    out_ += "}}";
    return {};
  }

  timestamp_style timestamps_;
  std::string& out_;
  size_t& size_;
};

} // namespace

result<void> append_attribute(const cell& value, const data_type& type, timestamp_style timestamps,
                              std::string& out, size_t& size) {
  return attribute_appender{timestamps, out, size}.append(value, type);
}

char key_type_of(const data_type& type, timestamp_style timestamps) noexcept {
  switch (type.kind) {
  case type_kind::string:
    return 'S';
  case type_kind::bytes:
    return 'B';
  case type_kind::timestamp:
    return timestamps == timestamp_style::rfc3339 ? 'S' : 'N';
  default:
    return is_numeric(type.kind) ? 'N' : '\0';
  }
}

} // namespace keyfold::dynamodb
