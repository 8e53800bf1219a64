#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace keyfold::http {

/// A request's target taken apart: path segments and query parameters, percent-decoded. A `+`
/// stays a `+`. Reusable: `parse` keeps the memory of the target before. Pure; not thread-safe.
class target {
public:
  static constexpr size_t max_segments = 8;
  static constexpr size_t max_parameters = 16;

  struct parameter {
    std::string_view name;
    std::string_view value;
  };

  target() = default;
  target(const target&) = delete;
  target& operator=(const target&) = delete;

  /// Takes apart a target in origin form (`/a/b?c=d`). False, leaving the target empty, on any
  /// other form, a broken or control-character escape, text that is not UTF-8, or too many parts.
  bool parse(std::string_view raw);

  /// `/` has one segment, the empty one.
  std::span<const std::string_view> segments() const noexcept {
    return {segments_.data(), segment_count_};
  }
  std::span<const parameter> parameters() const noexcept {
    return {parameters_.data(), parameter_count_};
  }
  /// The value of the first parameter `name`.
  std::optional<std::string_view> find(std::string_view name) const noexcept;

private:
  bool parse_path(std::string_view path);
  bool parse_query(std::string_view query);
  bool decode(std::string_view part, std::string_view& out);

  std::string decoded_; // never longer than the target: reserved once, so views into it stay
  std::array<std::string_view, max_segments> segments_;
  std::array<parameter, max_parameters> parameters_;
  size_t segment_count_ = 0;
  size_t parameter_count_ = 0;
};

} // namespace keyfold::http
