#pragma once

#include "config/plan.hpp"
#include "config/position_index.hpp"

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold::config {

/// Resolves the name of an environment variable; null for an unset one.
using environment_lookup = std::function<std::optional<std::string>(const std::string&)>;

/// A definition's text as a JSON value in which `${NAME}` is resolved, and all that has been found
/// wrong with it. Values that came from the environment never show up in a message. Not
/// thread-safe.
class document {
public:
  /// Larger texts are refused.
  static constexpr size_t max_bytes = 4u << 20;
  /// Messages kept; one more says that there are others.
  static constexpr size_t max_messages = 50;

  /// Parses `text`. Complains of bad syntax, duplicate keys, depth and unset variables; where it
  /// cannot be read at all, `root()` is null.
  /// @param text must outlive the document
  document(std::string_view text, std::string file, const environment_lookup& variables);

  const nlohmann::json& root() const noexcept { return root_; }
  bool failed() const noexcept { return !complaints_.empty(); }

  /// Something is wrong with the value at `pointer`.
  void complain(const std::string& pointer, std::string sentence);
  /// Something is wrong with the key that names the value at `pointer`.
  void complain_of_key(const std::string& pointer, std::string sentence);
  /// Something is wrong inside the string at `pointer`, at byte `offset` of its resolved value.
  void complain_inside(const std::string& pointer, size_t offset, std::string sentence);

  /// What a message may quote of the string at `pointer`: with `${NAME}` unresolved.
  std::string as_written(const std::string& pointer) const;
  /// The place of the key that names the value at `pointer`, for putting keys in their order.
  size_t order_of(const std::string& pointer) const { return index_->key(pointer); }
  position place_of(const std::string& pointer) const { return index_->at(index_->value(pointer)); }
  /// Where the string at `pointer` is nothing but one `${NAME}` and reads as a number or a truth
  /// value, makes it one. Returns whether it did.
  bool retype(const std::string& pointer);

  /// What was found, in the order of the text.
  plan_errors errors() const;

private:
  /// A part of a resolved string: where it came from in the string as parsed.
  struct piece {
    size_t to;          // first byte in the resolved string
    size_t from;        // first byte in the parsed string
    bool resolved;      // stands for a variable
    std::string secret; // what must not be shown
  };
  struct substitution {
    std::string original;
    std::vector<piece> pieces;
  };
  /// What `${NAME}` stands for.
  struct reference {
    std::string value;
    std::string secret; // the value, unless it is the default that the text itself gives
  };
  struct complaint {
    position at;
    std::string sentence;

    friend bool operator<(const complaint& a, const complaint& b) noexcept {
      return a.at == b.at ? a.sentence < b.sentence : a.at < b.at;
    }
  };

  bool parse(std::string_view text);
  void resolve(nlohmann::json& value, const std::string& pointer,
               const environment_lookup& variables);
  void resolve_string(nlohmann::json& value, const std::string& pointer,
                      const environment_lookup& variables);
  std::optional<reference> resolve_reference(std::string_view text, const std::string& pointer,
                                             size_t from, const environment_lookup& variables);
  size_t byte_inside(const std::string& pointer, size_t offset) const;
  bool reveals_part(const std::string& pointer, const std::string& sentence) const;
  std::string redacted(std::string sentence) const;
  void add(position at, std::string sentence);

  std::string_view text_;
  std::string file_;
  nlohmann::json root_;
  std::optional<position_index> index_;
  std::map<std::string, substitution> substitutions_;
  std::map<std::string, std::string> secrets_; // value → name of the variable
  std::set<complaint> complaints_;
  bool more_ = false;
};

} // namespace keyfold::config
