#include "connectors/postgres/connection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <poll.h>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>

namespace keyfold::postgres {

namespace {

struct options_free {
  void operator()(PQconninfoOption* x) const noexcept { PQconninfoFree(x); }
};
using options_ptr = std::unique_ptr<PQconninfoOption, options_free>;

/// What every session has. Times are text in UTC. A server forgets a peer that went away without a
/// word, and the locks of a transaction that nobody goes on with.
constexpr const char* session_settings =
    "SET idle_in_transaction_session_timeout = '60s'; SET lock_timeout = '20s'; "
    "SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET bytea_output = 'hex'; "
    "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3; "
    "SET client_min_messages = warning";

options_ptr parse(const std::string& url) {
  char* why = nullptr;
  options_ptr parsed{PQconninfoParse(url.c_str(), &why)};
  PQfreemem(why); // it may quote a part of the password
  return parsed;
}

/// A message of libpq's verbose form, `FATAL:  28P01: text`: its code, and the text without the
/// lines that say where in the server it was written.
std::pair<std::string, std::string> split_message(std::string_view text) {
  std::string code;
  auto mark = text.find(":  ");
  if (mark != text.npos && mark + 9 <= text.size() && text[mark + 8] == ':'
      && std::all_of(text.begin() + static_cast<ptrdiff_t>(mark) + 3,
                     text.begin() + static_cast<ptrdiff_t>(mark) + 8, [](char c) {
                       return std::isupper(static_cast<unsigned char>(c)) != 0
                              || std::isdigit(static_cast<unsigned char>(c)) != 0;
                     }))
    code = text.substr(mark + 3, 5);
  std::string message{text.substr(0, text.find("\nLOCATION:"))};
  if (!code.empty())
    message.erase(mark + 3, 7);
  std::erase(message, '\t');
  std::replace(message.begin(), message.end(), '\n', ' ');
  return {code, message};
}

} // namespace

result<void> check_settings(const connection_settings& x) {
  auto parsed = parse(x.url);
  if (parsed == nullptr)
    return fail("`url` is not what libpq takes for one; write e.g. "
                "postgresql://USER@HOST:5432/DATABASE?sslmode=require, with special characters "
                "percent-encoded");
  for (auto* option = parsed.get(); option->keyword != nullptr; ++option)
    if (option->val != nullptr && std::string_view{option->keyword} == "replication")
      return fail("`url` must not set `replication`");
  return {};
}

interruption::interruption() : descriptor_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

interruption::~interruption() {
  if (descriptor_ >= 0)
    ::close(descriptor_);
}

void interruption::raise() noexcept {
  raised_ = true;
  ::eventfd_write(descriptor_, 1);
}

bool interruption::take() noexcept {
  eventfd_t count = 0;
  ::eventfd_read(descriptor_, &count);
  return raised_.exchange(false);
}

connection::connection(connection_settings settings, interruption& interrupted)
    : settings_(std::move(settings)), interrupted_(interrupted) {
  if (!settings_.password.empty())
    secrets_.push_back(settings_.password);
  auto parsed = parse(settings_.url);
  for (auto* option = parsed.get(); option != nullptr && option->keyword != nullptr; ++option)
    if (option->val != nullptr && *option->val != '\0'
        && std::string_view{option->keyword}.ends_with("password"))
      secrets_.emplace_back(option->val);
}

connection::~connection() {
  close();
}

void connection::close() noexcept {
  if (handle_ != nullptr)
    PQfinish(handle_);
  handle_ = nullptr;
}

std::string connection::scrubbed(std::string text) const {
  for (const auto& secret : secrets_)
    for (size_t at = 0; (at = text.find(secret, at)) != text.npos; at += 3)
      text.replace(at, secret.size(), "***");
  return text;
}

tl::unexpected<failure> connection::fail_connection(std::string_view what) {
  auto [code, message] = split_message(handle_ == nullptr ? "" : PQerrorMessage(handle_));
  close();
  if (message.empty())
    message = what;
  auto made = make_failure(code, scrubbed(std::move(message)));
  // Whatever was under way, its outcome is not known: never a row's fault.
  if (made.kind == failure_kind::of_row || made.kind == failure_kind::of_batch)
    made.kind = failure_kind::transient;
  return tl::unexpected{std::move(made)};
}

tl::unexpected<failure> connection::fail_statement(const PGresult* x) const {
  auto field = [&](int which) {
    const char* value = PQresultErrorField(x, which);
    return std::string_view{value == nullptr ? "" : value};
  };
  std::string message{field(PG_DIAG_MESSAGE_PRIMARY)};
  // Not the detail: it has the whole row.
  if (auto hint = field(PG_DIAG_MESSAGE_HINT); !hint.empty())
    message += fmt::format("; {}", hint);
  return tl::unexpected{make_failure(field(PG_DIAG_SQLSTATE), scrubbed(std::move(message)))};
}

outcome<void> connection::open() {
  if (auto connected = connect(); !connected)
    return connected;
  PQsetNoticeProcessor(
      handle_, [](void*, const char*) {}, nullptr);
  if (PQsetnonblocking(handle_, 1) != 0)
    return fail_connection("the connection cannot be used without blocking");
  if (auto set = run(session_settings); !set)
    return tl::unexpected{set.error()};
  return {};
}

outcome<void> connection::connect() {
  close();
  auto parsed = parse(settings_.url);
  if (parsed == nullptr)
    return tl::unexpected{failure{failure_kind::person, "", "`url` cannot be read"}};
  std::vector<const char*> names;
  std::vector<const char*> values;
  auto set = [&](const char* name, const char* value) {
    names.push_back(name);
    values.push_back(value);
  };
  auto given = [&](std::string_view name) {
    for (auto* option = parsed.get(); option->keyword != nullptr; ++option)
      if (option->val != nullptr && option->keyword == name)
        return true;
    return false;
  };
  for (auto* option = parsed.get(); option->keyword != nullptr; ++option)
    if (option->val != nullptr)
      set(option->keyword, option->val);
  if (!settings_.password.empty())
    set("password", settings_.password.c_str());
  auto timeout = std::to_string(settings_.timeout.count());
  if (!given("tcp_user_timeout"))
    set("tcp_user_timeout", timeout.c_str());
  if (!given("application_name"))
    set("application_name", settings_.application_name.c_str());
  set("client_encoding", "UTF8");
  if (settings_.replication)
    set("replication", "database");
  names.push_back(nullptr);
  values.push_back(nullptr);
  handle_ = PQconnectStartParams(names.data(), values.data(), 0);
  if (handle_ == nullptr || PQstatus(handle_) == CONNECTION_BAD)
    return fail_connection("no connection can be made");
  PQsetErrorVerbosity(handle_, PQERRORS_VERBOSE); // the only way to the code of a refusal
  return poll_connection(clock::now() + settings_.timeout);
}

outcome<void> connection::poll_connection(clock::time_point until) {
  auto state = PGRES_POLLING_WRITING;
  for (;;) {
    if (auto waited = wait(state == PGRES_POLLING_WRITING, until); !waited)
      return waited;
    state = PQconnectPoll(handle_);
    if (state == PGRES_POLLING_OK)
      return {};
    if (state == PGRES_POLLING_FAILED)
      return fail_connection("the server refused the connection");
  }
}

/// Until the socket can be read, or, with `to_write`, written.
outcome<void> connection::wait(bool to_write, clock::time_point until) {
  for (;;) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(until - clock::now()).count();
    pollfd waited[2] = {
        {PQsocket(handle_), static_cast<short>(to_write ? POLLIN | POLLOUT : POLLIN), 0},
        {interrupted_.descriptor(), POLLIN, 0}};
    auto count = ::poll(waited, 2, static_cast<int>(std::clamp<long>(left, 0, 60'000)));
    if (count < 0 && errno != EINTR)
      return fail_connection(std::generic_category().message(errno));
    if (waited[1].revents != 0 && count > 0) {
      interrupted_.take();
      close();
      return tl::unexpected{failure{failure_kind::interrupted, "", "interrupted"}};
    }
    if (count > 0)
      return {};
    if (clock::now() >= until) {
      close();
      return tl::unexpected{
          failure{failure_kind::transient, "",
                  fmt::format("the server has not answered for {} s: is it overloaded, or the "
                              "network cut?",
                              std::chrono::duration<double>(settings_.timeout).count())}};
    }
  }
}

outcome<void> connection::flush() {
  auto until = clock::now() + settings_.timeout;
  for (;;) {
    auto left = PQflush(handle_);
    if (left < 0)
      return fail_connection("the connection was lost");
    if (left == 0)
      return {};
    // The server may be waiting for us to read before it takes more.
    if (auto waited = wait(true, until); !waited)
      return waited;
    if (PQconsumeInput(handle_) == 0)
      return fail_connection("the connection was lost");
  }
}

/// What PQgetResult gives; null between the answers of statements.
outcome<result_ptr> connection::next_result() {
  if (auto flushed = flush(); !flushed)
    return tl::unexpected{flushed.error()};
  auto until = clock::now() + settings_.timeout;
  while (PQisBusy(handle_) != 0) {
    if (auto waited = wait(false, until); !waited)
      return tl::unexpected{waited.error()};
    if (PQconsumeInput(handle_) == 0)
      return fail_connection("the connection was lost");
  }
  return result_ptr{PQgetResult(handle_)};
}

namespace {

/// Parameters as libpq takes them.
struct parameter_arrays {
  std::vector<const char*> values;
  std::vector<int> lengths;
  std::vector<int> formats;

  explicit parameter_arrays(std::span<const parameter> from) {
    for (const auto& x : from) {
      values.push_back(x.null ? nullptr : x.bytes.data());
      lengths.push_back(static_cast<int>(x.bytes.size()));
      formats.push_back(x.binary ? 1 : 0);
    }
  }
  int count() const noexcept { return static_cast<int>(values.size()); }
};

tl::unexpected<failure> not_connected() {
  return tl::unexpected{failure{failure_kind::transient, "", "not connected"}};
}

} // namespace

outcome<result_ptr> connection::run(const std::string& sql, std::span<const parameter> parameters) {
  if (handle_ == nullptr)
    return not_connected();
  const parameter_arrays sent{parameters};
  // Without parameters the simple protocol, which takes several statements at once.
  auto good = parameters.empty() ? PQsendQuery(handle_, sql.c_str())
                                 : PQsendQueryParams(handle_, sql.c_str(), sent.count(), nullptr,
                                                     sent.values.data(), sent.lengths.data(),
                                                     sent.formats.data(), 0);
  if (good == 0)
    return fail_connection("the statement cannot be sent");
  return last_result();
}

outcome<result_ptr> connection::run_prepared(const std::string& name,
                                             std::span<const parameter> parameters) {
  if (handle_ == nullptr)
    return not_connected();
  if (auto sent = send(name, parameters); !sent)
    return tl::unexpected{sent.error()};
  return last_result();
}

outcome<void> connection::prepare(const std::string& name, const std::string& sql) {
  if (handle_ == nullptr)
    return not_connected();
  if (PQsendPrepare(handle_, name.c_str(), sql.c_str(), 0, nullptr) == 0)
    return fail_connection("the statement cannot be sent");
  auto prepared = last_result();
  if (!prepared)
    return tl::unexpected{prepared.error()};
  return {};
}

/// The last result of what was sent, or its failure; until the connection can be used again.
outcome<result_ptr> connection::last_result() {
  outcome<result_ptr> out;
  for (;;) {
    auto next = next_result();
    if (!next)
      return next;
    if (*next == nullptr)
      break;
    auto status = PQresultStatus(next->get());
    if (status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE)
      out = fail_statement(next->get());
    else if (out)
      out = std::move(*next);
    if (status == PGRES_COPY_BOTH || status == PGRES_COPY_IN || status == PGRES_COPY_OUT)
      break;
  }
  if (PQstatus(handle_) == CONNECTION_BAD)
    return fail_connection("the connection was lost");
  return out;
}

outcome<void> connection::begin_pipeline() {
  if (handle_ == nullptr)
    return not_connected();
  if (PQenterPipelineMode(handle_) == 0)
    return fail_connection("no pipeline can begin");
  return {};
}

outcome<void> connection::send(const std::string& statement,
                               std::span<const parameter> parameters) {
  const parameter_arrays sent{parameters};
  if (PQsendQueryPrepared(handle_, statement.c_str(), sent.count(), sent.values.data(),
                          sent.lengths.data(), sent.formats.data(), 0)
      == 0)
    return fail_connection("the statement cannot be sent");
  return {};
}

outcome<void> connection::send_sql(const std::string& sql) {
  if (PQsendQueryParams(handle_, sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0) == 0)
    return fail_connection("the statement cannot be sent");
  return {};
}

outcome<void> connection::ask_for_answers() {
  if (PQsendFlushRequest(handle_) == 0)
    return fail_connection("the connection was lost");
  return flush();
}

outcome<result_ptr> connection::answer() {
  for (auto nulls = 0;;) {
    auto next = next_result();
    if (!next)
      return next;
    if (*next == nullptr) {
      if (++nulls > 2)
        return fail_connection("the server answered less than it was asked");
      continue; // the end of the answer before
    }
    switch (PQresultStatus(next->get())) {
    case PGRES_PIPELINE_ABORTED:
      return tl::unexpected{failure{failure_kind::transient, std::string{skipped}, "skipped"}};
    case PGRES_FATAL_ERROR:
    case PGRES_BAD_RESPONSE:
      if (PQstatus(handle_) == CONNECTION_BAD)
        return fail_connection("the connection was lost");
      return fail_statement(next->get());
    default:
      return next;
    }
  }
}

outcome<void> connection::end_pipeline() {
  if (PQpipelineSync(handle_) == 0)
    return fail_connection("the connection was lost");
  outcome<void> out;
  for (auto ended = false; !ended;) {
    auto next = answer();
    if (!next && handle_ == nullptr)
      return tl::unexpected{next.error()};
    if (!next && out && next.error().code != skipped)
      out = tl::unexpected{next.error()};
    ended = next && PQresultStatus(next->get()) == PGRES_PIPELINE_SYNC;
  }
  if (PQexitPipelineMode(handle_) == 0)
    return fail_connection("the pipeline did not end");
  return out;
}

outcome<std::string> connection::copied(std::chrono::milliseconds patience) {
  if (handle_ == nullptr)
    return not_connected();
  auto until = clock::now() + patience;
  for (;;) {
    char* bytes = nullptr;
    auto size = PQgetCopyData(handle_, &bytes, 1);
    if (size > 0) {
      std::string out{bytes, static_cast<size_t>(size)};
      PQfreemem(bytes);
      return out;
    }
    if (size == -1) {
      result_ptr last{PQgetResult(handle_)};
      if (last != nullptr && PQresultStatus(last.get()) == PGRES_FATAL_ERROR) {
        auto out = fail_statement(last.get());
        close();
        return out;
      }
      return fail_connection("the server ended the replication");
    }
    if (size < -1)
      return fail_connection("the connection was lost");
    auto left = std::chrono::ceil<std::chrono::milliseconds>(until - clock::now()).count();
    if (left <= 0)
      return std::string{};
    pollfd waited[2] = {{PQsocket(handle_), POLLIN, 0}, {interrupted_.descriptor(), POLLIN, 0}};
    auto count = ::poll(waited, 2, static_cast<int>(left));
    if (count > 0 && waited[1].revents != 0) {
      interrupted_.take();
      return std::string{};
    }
    if (count > 0 && PQconsumeInput(handle_) == 0)
      return fail_connection("the connection was lost");
  }
}

outcome<void> connection::send_copy(std::string_view message) {
  if (handle_ == nullptr)
    return not_connected();
  if (PQputCopyData(handle_, message.data(), static_cast<int>(message.size())) != 1)
    return fail_connection("the connection was lost");
  return flush();
}

std::string quoted_name(std::string_view name) {
  std::string out = "\"";
  for (auto c : name) {
    if (c == '"')
      out.push_back('"');
    out.push_back(c);
  }
  out.push_back('"');
  return out;
}

std::string quoted_text(std::string_view text) {
  std::string out = "'";
  for (auto c : text) {
    if (c == '\'')
      out.push_back('\'');
    out.push_back(c);
  }
  return out + "'";
}

std::string_view text_at(const result_ptr& x, int row, int column) {
  return PQgetvalue(x.get(), row, column);
}

} // namespace keyfold::postgres
