#include "http/connection.hpp"

#include "http/responder.hpp"

#include <boost/beast/http/field.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>

namespace keyfold::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;

namespace {

constexpr size_t read_size = 8192;
constexpr size_t body_read_size = 65'536;
// Answers waiting to be written; beyond, no more requests are taken.
constexpr size_t max_output = 1u << 20;
// Memory that an idle connection keeps.
constexpr size_t max_kept = 128u << 10;
constexpr size_t max_kept_input = 32u << 10;
// What is read and thrown away after the last answer, so that the peer gets to read it.
constexpr size_t max_discarded = 256u << 10;
constexpr auto linger_time = std::chrono::seconds{1};

std::string_view view(beast::string_view x) {
  return {x.data(), x.size()};
}

} // namespace

connection::connection(io_thread& thread, bind_kind bind, std::string address)
    : thread_(thread), settings_(thread.shared().settings), bind_(bind),
      address_(std::move(address)),
      reader_({{settings_.max_target_bytes, settings_.max_header_fields},
               settings_.max_header_bytes,
               settings_.max_body_bytes}),
      input_(settings_.max_header_bytes + body_read_size + read_size),
      slots_(std::max(settings_.max_pipelined, 1u)), now_(clock::now()) {
  read_deadline_ = write_deadline_ = now_ + settings_.header_timeout;
}

void connection::begin_reading() {
  now_ = clock::now();
  update_phase();
  read_more();
}

void connection::read_more() {
  if (reading_ || read_ended_ || closed_ || (!lingering_ && !may_take_request()))
    return;
  auto wanted = reader_.header_done() ? body_read_size : read_size;
  auto room = input_.max_size() - input_.size();
  if (room == 0) { // only a chunk's extension or trailer can get here
    on_refusal(fault::malformed_request, "a part of the chunked body is too long", {}, true);
    flush();
    return;
  }
  reading_ = true;
  read_some(input_.prepare(std::min(wanted, room)));
}

void connection::on_read(error_code problem, size_t size) {
  reading_ = false;
  if (closed_)
    return;
  if (problem == asio::error::eof && !lingering_) {
    // The peer may have closed its half only: what it has asked for is still answered.
    read_ended_ = true;
    process();
    return;
  }
  if (problem) {
    close();
    return;
  }
  if (lingering_) {
    discarded_ += size;
    if (discarded_ > max_discarded)
      close();
    else
      read_more();
    return;
  }
  input_.commit(size);
  process();
}

bool connection::may_take_request() const noexcept {
  return !closing_ && next_ - first_ < slots_.size() && output_.size() < max_output;
}

void connection::process() {
  if (working_ || closed_)
    return;
  working_ = true;
  now_ = clock::now();
  using step = request_reader::step;
  for (auto more = true; more && may_take_request();) {
    switch (reader_.next(input_)) {
    case step::need_more:
      more = false;
      closing_ |= read_ended_;
      break;
    case step::header:
      on_header();
      break;
    case step::complete:
      on_request();
      break;
    case step::refused:
      on_refusal(reader_.why().what, reader_.why().detail, {}, true);
      break;
    }
  }
  target_fresh_ = false;
  working_ = false;
  say_continue();
  update_phase();
  flush();
  read_more();
}

void connection::on_header() {
  auto& message = reader_.request();
  auto& where = thread_.where;
  if (!where.parse(view(message.target()))) {
    on_refusal(fault::malformed_request,
               "the target is not a path with a query in valid percent-encoding", {}, true);
    return;
  }
  auto to = find_route(message.method(), where, bind_, !settings_.metrics_address.empty());
  // What does not get through may bring a body: it is not read, and nothing after it.
  auto bodyless = !message.has_content_length() && !message.chunked();
  if (to.found == nullptr) {
    if (message.method() == beast::http::verb::unknown)
      on_refusal(fault::method_not_implemented, "use GET, HEAD or POST", {}, true);
    else if (to.problem == fault::method_not_allowed)
      on_refusal(to.problem, "this path takes another method, see Allow",
                 "Allow: " + std::string{to.allow} + "\r\n", !bodyless);
    else
      on_refusal(to.problem, "there is no such path; /v1/definitions lists what can be asked for",
                 {}, !bodyless);
    return;
  }
  if (!granted(*to.found, message))
    return;
  auto expect = message.find(beast::http::field::expect);
  if (expect != message.end()) {
    if (!beast::iequals(expect->value(), "100-continue")) {
      on_refusal(fault::expectation_failed, "only `Expect: 100-continue` can be met", {}, true);
      return;
    }
    continue_due_ = message.version() == 11 && !bodyless;
  }
  route_ = to.found;
  target_fresh_ = true;
}

bool connection::granted(const route& to, const request_reader::request_type& message) {
  auto& tokens = thread_.shared().tokens;
  if (!tokens.enabled() || to.needs == permission::none)
    return true;
  auto field = message.find(beast::http::field::authorization);
  auto given = field == message.end() ? std::string_view{} : view(field->value());
  switch (tokens.check(given, to.needs)) {
  case token_table::verdict::granted:
    return true;
  case token_table::verdict::unknown:
    on_refusal(fault::token_missing, "send `Authorization: Bearer TOKEN` with a token known here",
               "WWW-Authenticate: Bearer realm=\"keyfold\"\r\n", true);
    return false;
  case token_table::verdict::insufficient:
    on_refusal(fault::token_scope, "the token's scopes do not include this endpoint's",
               "WWW-Authenticate: Bearer realm=\"keyfold\", error=\"insufficient_scope\"\r\n",
               true);
    return false;
  }
  return false;
}

void connection::on_refusal(fault what, std::string_view detail, std::string_view fields,
                            bool close_after) {
  thread_.metrics.rejected(what);
  auto& message = reader_.request();
  auto number = open_slot(endpoint::other, !close_after && reader_.keep_alive());
  auto& x = at(number);
  x.head = message.method() == beast::http::verb::head;
  x.old_version = message.version() == 10;
  if (close_after)
    closing_ = true;
  else
    reader_.begin_next();
  phase_ = phase::none;
  auto body = problem_body(what, detail);
  answer(number, {.status = status_of(what),
                  .content_type = problem_content,
                  .body = body,
                  .fields = fields,
                  .close = close_after});
}

void connection::on_request() {
  auto& message = reader_.request();
  auto keep_alive = reader_.keep_alive();
  auto number = open_slot(route_->what, keep_alive);
  auto& x = at(number);
  x.head = message.method() == beast::http::verb::head;
  x.old_version = message.version() == 10;
  if (!keep_alive)
    closing_ = true;
  continue_due_ = false;
  fresh_ = false;
  // While the body came, other requests have used the thread's `where`.
  if (!target_fresh_)
    thread_.where.parse(view(message.target()));
  target_fresh_ = false;
  auto type = message.find(beast::http::field::content_type);
  auto to = responder{thread_.shared_from_this(), weak_from_this(), number};
  try {
    route_->function(
        request{.where = thread_.where,
                .content_type = type == message.end() ? std::string_view{} : view(type->value()),
                .body = message.body()},
        to);
  } catch (const std::exception& problem) { // out of memory, or a library's surprise
    spdlog::error("{} failed: {}", name_of(route_->what), problem.what());
    to.problem(fault::internal, "the server failed to answer; its log says why");
  }
  reader_.begin_next();
  phase_ = phase::none;
}

uint64_t connection::open_slot(endpoint what, bool keep_alive) {
  auto number = next_++;
  auto& x = at(number);
  x.what = what;
  x.answered = false;
  x.keep_alive = keep_alive;
  x.begun = now_;
  x.deadline = now_ + patience(what);
  x.text.clear();
  return number;
}

std::chrono::milliseconds connection::patience(endpoint what) const noexcept {
  return what == endpoint::push || what == endpoint::write ? settings_.push_timeout
                                                           : settings_.query_timeout;
}

void connection::answer(uint64_t number, const reply& x) {
  if (closed_ || number < first_ || number >= next_ || at(number).answered)
    return;
  auto& due = at(number);
  due.answered = true;
  // Only the last request on the way can end the connection: those after it were taken already.
  if ((x.close || thread_.shared().draining.load(std::memory_order_relaxed))
      && number + 1 == next_) {
    due.keep_alive = false;
    closing_ = true;
  }
  append_reply(number == first_ ? output_ : due.text, x,
               {.date = thread_.date(),
                .head = due.head,
                .keep_alive = due.keep_alive,
                .old_version = due.old_version});
  thread_.metrics.request(due.what, x.status, clock::now() - due.begun);
  if (number == first_)
    release_answered();
  if (!working_)
    process(); // there is room again for what the client has sent meanwhile
}

void connection::release_answered() {
  ++first_;
  while (first_ != next_ && at(first_).answered) {
    output_ += at(first_).text;
    at(first_).text.clear();
    ++first_;
  }
  if (first_ == next_)
    phase_ = phase::none; // a read deadline counts from here
}

void connection::say_continue() {
  if (!continue_due_ || first_ != next_ || closing_ || !reader_.header_done())
    return;
  continue_due_ = false;
  output_ += "HTTP/1.1 100 Continue\r\n\r\n";
}

void connection::flush() {
  while (!writing_ && !closed_ && !output_.empty()) {
    written_.swap(output_);
    if (!write_all(asio::buffer(written_))) {
      writing_ = true;
      write_deadline_ = now_ + settings_.write_timeout;
      return;
    }
    written_.clear();
  }
  if (written_.capacity() > max_kept && !writing_)
    std::string{}.swap(written_);
  finish();
}

void connection::on_written(error_code problem) {
  writing_ = false;
  if (closed_)
    return;
  if (problem) {
    close();
    return;
  }
  written_.clear();
  process();
}

void connection::finish() {
  if (!closing_ || lingering_ || closed_ || writing_ || first_ != next_ || !output_.empty())
    return;
  if (read_ended_) {
    close();
    return;
  }
  // To close with unread bytes would reset the connection and could take the answer with it.
  lingering_ = true;
  read_deadline_ = clock::now() + linger_time;
  input_.clear();
  end_writing();
  read_more();
}

void connection::update_phase() {
  auto present = reader_.header_done() ? phase::body
                 : reader_.begun()     ? phase::header
                                       : phase::idle;
  if (lingering_ || (present == phase_ && present != phase::idle))
    return;
  phase_ = present;
  if (present == phase::idle && input_.size() == 0 && input_.capacity() > max_kept_input
      && !reading_)
    input_.shrink_to_fit();
  // A new connection owes its first request within the header's time.
  read_deadline_ =
      now_
      + (present == phase::body                               ? settings_.body_timeout
         : present == phase::header || (fresh_ && next_ == 0) ? settings_.header_timeout
                                                              : settings_.idle_timeout);
}

void connection::tick(clock::time_point now) {
  if (closed_)
    return;
  now_ = now;
  if (writing_ ? now > write_deadline_ : first_ == next_ && now > read_deadline_) {
    if (!lingering_)
      thread_metrics::bump(thread_.metrics.timed_out);
    if (writing_ || lingering_ || phase_ == phase::idle || phase_ == phase::none) {
      close();
      return;
    }
    on_refusal(fault::request_timeout, "the request did not arrive in time", {}, true);
    return;
  }
  for (auto number = first_; number < next_ && !closed_; ++number) {
    auto& x = at(number);
    if (number < first_ || x.answered || now < x.deadline)
      continue;
    auto push = x.what == endpoint::push || x.what == endpoint::write;
    auto what = push ? fault::push_timeout : fault::query_timeout;
    thread_.metrics.rejected(what);
    auto body = problem_body(
        what, push ? "the events were accepted but are not durable yet; push them again only if "
                     "doing so twice is harmless"
                   : "the entities' actors did not answer in time; see /ready for the reason");
    answer(number, {.status = status_of(what),
                    .content_type = problem_content,
                    .body = body,
                    .fields = "Retry-After: 1\r\n"});
  }
}

void connection::begin_drain() {
  if (closed_ || first_ != next_ || reader_.begun())
    return; // its answer will carry `Connection: close`
  closing_ = true;
  finish();
}

void connection::close() {
  if (closed_)
    return;
  closed_ = true;
  close_socket();
  thread_.shared().connections.leave(address_);
  thread_.remove(*this);
}

} // namespace keyfold::http
