#pragma once

#include "config/document.hpp"

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace keyfold::config {

/// A value of a definition with its place, or the absence of one. What is read through it has been
/// checked against the schema, so its JSON type is known to the reader; what the schema cannot say
/// is complained of at its place, and the default taken. Cheap to copy; refers to its document.
class node {
public:
  node() = default;
  node(document& from, const nlohmann::json* value, std::string pointer)
      : document_(&from), value_(value), pointer_(std::move(pointer)) {}

  explicit operator bool() const noexcept { return value_ != nullptr; }
  bool is_string() const noexcept { return value_ != nullptr && value_->is_string(); }
  bool is_object() const noexcept { return value_ != nullptr && value_->is_object(); }
  const std::string& pointer() const noexcept { return pointer_; }

  /// A member; absent where it, or this, is absent.
  node operator[](std::string_view key) const;
  /// Of an array, in order; of anything else, none.
  std::vector<node> items() const;
  /// Of an object, in the order of the file.
  std::vector<std::pair<std::string, node>> members() const;

  /// The string; empty where absent.
  std::string text() const;
  std::vector<std::string> texts() const;
  /// Of an array: its strings, numbers and truth values as text; of one of these: itself.
  std::vector<std::string> values() const;
  /// For messages: as the file has it, `${NAME}` unresolved, in backquotes.
  std::string quoted() const;

  std::string text_or(std::string_view key, std::string_view otherwise) const;
  bool flag_or(std::string_view key, bool otherwise) const;
  /// @pre the schema admits only whole numbers from 0 that fit
  template <class T>
  T whole_or(std::string_view key, T otherwise) const {
    auto x = (*this)[key];
    return x ? static_cast<T>(x.value_->template get<uint64_t>()) : otherwise;
  }
  /// @pre the schema admits only numbers
  double number_or(std::string_view key, double otherwise) const;
  duration duration_or(std::string_view key, duration otherwise) const;
  std::chrono::milliseconds milliseconds_or(std::string_view key,
                                            std::chrono::milliseconds otherwise) const;
  uint64_t size_or(std::string_view key, uint64_t otherwise) const;
  char character_or(std::string_view key, char otherwise) const;
  /// librdkafka's settings and the like: strings, numbers and truth values as text.
  std::map<std::string, std::string> properties(std::string_view key) const;
  /// This string as a duration; complains and returns null where it is none.
  std::optional<duration> as_duration() const;

  /// Something is wrong with this value.
  void complain(std::string sentence) const;
  /// Something is wrong with the key of this value.
  void complain_of_key(std::string sentence) const;
  /// Something is wrong at byte `offset` of this string.
  void complain_inside(size_t offset, std::string sentence) const;

private:
  document* document_ = nullptr;
  const nlohmann::json* value_ = nullptr;
  std::string pointer_;
};

} // namespace keyfold::config
