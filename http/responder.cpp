#include "http/responder.hpp"

#include "http/connection.hpp"

namespace keyfold::http {

void responder::send(const reply& x) const {
  if (auto to = to_.lock())
    to->answer(number_, x);
}

void responder::problem(fault what, std::string_view detail, std::string_view fields) const {
  thread_->metrics.rejected(what);
  auto body = problem_body(what, detail);
  send(
      {.status = status_of(what), .content_type = problem_content, .body = body, .fields = fields});
}

} // namespace keyfold::http
