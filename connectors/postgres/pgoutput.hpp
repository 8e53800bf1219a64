#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// The messages of logical replication: PostgreSQL's manual, "Logical Replication Message Formats"
/// and "Streaming Replication Protocol". Views point into the bytes parsed.
namespace keyfold::postgres::pgoutput {

/// A position in the server's write-ahead log.
using lsn = uint64_t;

/// As the server writes it: `16/B374D848`. Nothing where the text is none.
std::optional<lsn> read_lsn(std::string_view text);
std::string lsn_text(lsn x);

/// Bytes of the log, an XLogData message.
struct log_data {
  lsn start = 0;
  lsn end = 0; ///< of the server's log
  std::string_view message;
};
/// The server is there, and where it is.
struct keepalive {
  lsn end = 0;
  bool wants_answer = false;
};
using stream_message = std::variant<log_data, keepalive>;

/// Nothing where the bytes are neither of the two.
std::optional<stream_message> parse_stream(std::string_view bytes);

/// A column of a relation.
struct relation_column {
  std::string_view name;
  bool key = false; ///< of the replica identity
};
struct relation {
  uint32_t id = 0;
  std::string_view schema;
  std::string_view name;
  std::vector<relation_column> columns;
};

/// A column's value in a change.
struct value {
  enum class kind : uint8_t { null, unchanged, text } is = kind::null;
  std::string_view text;
};
using row = std::vector<value>;

struct begin {
  lsn commit = 0; ///< where the log has the commit: transactions come in this order
};
struct commit {
  lsn end = 0; ///< where the next transaction may begin
};
struct insert {
  uint32_t relation = 0;
  row now;
};
struct update {
  uint32_t relation = 0;
  std::optional<row> before; ///< where its identity has changed, or is the full row
  row now;
};
/// Of `before` only the columns of the replica identity are sure.
struct erase {
  uint32_t relation = 0;
  row before;
};
struct truncate {
  std::vector<uint32_t> relations;
};
/// Of no interest here: types, origins, messages of programs.
struct other {};

using message = std::variant<begin, commit, relation, insert, update, erase, truncate, other>;

/// Nothing where the bytes are no message of version 1 of the protocol.
std::optional<message> parse_message(std::string_view bytes);

/// What the client answers: all up to `flushed` need not be sent again.
/// @param now microseconds since 2000
void append_status(lsn received, lsn flushed, int64_t now, std::string& out);

} // namespace keyfold::postgres::pgoutput
