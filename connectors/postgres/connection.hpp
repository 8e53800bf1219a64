#pragma once

#include "connectors/postgres/failure.hpp"
#include "features/result.hpp"

#include <libpq-fe.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace keyfold::postgres {

/// How to reach a server.
struct connection_settings {
  std::string url;      ///< as libpq reads it: a URI, or `host=… dbname=…`
  std::string password; ///< empty: what `url` says, or a password file
  std::string application_name = "keyfold";
  std::chrono::milliseconds timeout{30'000}; ///< for an answer, or for being let in
  bool replication = false;                  ///< speaks the replication protocol, too
};

/// An error names what is wrong with `url`, but shows nothing of it: it may hold a password.
result<void> check_settings(const connection_settings& x);

/// Ends waits of the thread that uses a connection, from another thread. Thread-safe.
class interruption {
public:
  interruption();
  ~interruption();
  interruption(const interruption&) = delete;
  interruption& operator=(const interruption&) = delete;

  void raise() noexcept;
  bool raised() const noexcept { return raised_.load(); }
  /// Whether it was raised since the last call.
  bool take() noexcept;
  int descriptor() const noexcept { return descriptor_; }

private:
  std::atomic<bool> raised_{false};
  int descriptor_;
};

struct result_clear {
  void operator()(PGresult* x) const noexcept { PQclear(x); }
};
using result_ptr = std::unique_ptr<PGresult, result_clear>;

/// A parameter of a statement: bytes of PostgreSQL's binary format, or text.
struct parameter {
  std::string_view bytes;
  bool binary = false;
  bool null = false;
};

/// A connection to a server, for one thread. Nothing waits longer than `timeout` for the server,
/// nor beyond an interruption; after a failure that is the connection's it is closed.
class connection {
public:
  using clock = std::chrono::steady_clock;

  connection(connection_settings settings, interruption& interrupted);
  ~connection();
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  bool is_open() const noexcept { return handle_ != nullptr; }
  /// Opens it anew, and sets what all sessions have: UTF-8, bounds on waiting.
  outcome<void> open();
  void close() noexcept;

  /// Runs one statement. Not while in pipeline mode.
  outcome<result_ptr> run(const std::string& sql, std::span<const parameter> parameters = {});
  outcome<void> prepare(const std::string& name, const std::string& sql);
  /// Runs a prepared statement. Not while in pipeline mode.
  outcome<result_ptr> run_prepared(const std::string& name, std::span<const parameter> parameters);

  /// Pipeline mode: statements are sent without waiting for the answers of those before.
  outcome<void> begin_pipeline();
  /// @param parameters copied
  outcome<void> send(const std::string& statement, std::span<const parameter> parameters);
  outcome<void> send_sql(const std::string& sql);
  /// Makes the server answer what it was sent, though the transaction goes on.
  outcome<void> ask_for_answers();
  /// The next answer, in the order of the statements. After the first that failed, all up to the
  /// end of the pipeline are failures with the code `skipped`.
  outcome<result_ptr> answer();
  /// Sends the end of the pipeline, reads what was not read of it, and leaves the mode. Fails as
  /// the first of those statements that failed by itself.
  outcome<void> end_pipeline();
  static constexpr std::string_view skipped = "skipped";

  /// Of the replication protocol, once `run` has begun a copy: the next message, empty when none
  /// came within `patience`.
  outcome<std::string> copied(std::chrono::milliseconds patience);
  outcome<void> send_copy(std::string_view message);

  /// Without the secrets that are known.
  std::string scrubbed(std::string text) const;

private:
  tl::unexpected<failure> fail_connection(std::string_view what);
  tl::unexpected<failure> fail_statement(const PGresult* x) const;
  outcome<void> connect();
  outcome<void> poll_connection(clock::time_point until);
  outcome<void> flush();
  outcome<void> wait(bool to_write, clock::time_point until);
  outcome<result_ptr> next_result();
  outcome<result_ptr> last_result();

  connection_settings settings_;
  interruption& interrupted_;
  PGconn* handle_ = nullptr;
  std::vector<std::string> secrets_;
};

/// A name as SQL has it: in quotes.
std::string quoted_name(std::string_view name);
/// A text as SQL has it; the replication protocol takes no parameters.
std::string quoted_text(std::string_view text);
/// A value of a result, in its text format; lives as long as that.
std::string_view text_at(const result_ptr& x, int row, int column);

} // namespace keyfold::postgres
