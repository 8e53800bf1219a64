#pragma once

#include "features/result.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Reading the bodies of S2's answers: arbitrary bytes are refused, never believed.
namespace keyfold::s2 {

/// Bytes that can be read after a record's body; see `record_padding`.
inline constexpr size_t body_padding = 64;

/// Records as one answer or event brings them, decoded. Their text is in one buffer.
class read_batch {
public:
  struct text {
    size_t begin = 0;
    size_t size = 0;
  };
  struct header {
    text name;
    text value;
  };
  struct record {
    int64_t number = 0; ///< its `seq_num`
    int64_t timestamp_ms = 0;
    text body;
    size_t first_header = 0;
    size_t headers = 0;
  };

  std::vector<record> records;
  std::optional<int64_t> tail; ///< the number the next record will get, where the answer says it

  std::string_view view(text x) const noexcept { return {bytes_.data() + x.begin, x.size}; }
  std::span<const header> headers(const record& x) const noexcept {
    return {headers_.data() + x.first_header, x.headers};
  }
  /// `fence` or `trim`, for the service itself: it has one header, without a name. Readers skip it.
  bool is_command(const record& x) const noexcept {
    return x.headers == 1 && headers(x).front().name.size == 0;
  }
  /// The value of the first header of that name.
  std::optional<std::string_view> find(const record& x, std::string_view name) const noexcept;
  /// Bytes held.
  size_t memory() const noexcept {
    return bytes_.capacity() + records.capacity() * sizeof(record)
           + headers_.capacity() * sizeof(header);
  }

private:
  friend class batch_parser;

  std::string bytes_;
  std::vector<header> headers_;
};

/// Reads `{"records":[…],"tail"?}` in base64 into `out`, replacing what was there. An error says
/// what is wrong; then `out` is empty.
result<void> parse_read_batch(std::string_view json, read_batch& out);

struct stream_list {
  std::vector<std::string> names; ///< but those being deleted
  std::string last;               ///< also of those
  bool more = false;
};
result<stream_list> parse_stream_list(std::string_view json);

/// The number in `{"MEMBER":{"seq_num":…}}`, e.g. of `tail`.
result<int64_t> parse_position(std::string_view json, std::string_view member);

/// `{"code","message"}` of a refusal; empty where there is none.
struct service_error {
  std::string code;
  std::string message;
};
service_error error_of(std::string_view json);

/// Why an append was refused with status 412.
struct append_mismatch {
  std::optional<int64_t> number;    ///< the number the next record would have got
  std::optional<std::string> token; ///< the fencing token the stream has
};
append_mismatch mismatch_of(std::string_view json);

} // namespace keyfold::s2
