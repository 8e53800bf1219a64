#include "http/feast_reply.hpp"

namespace keyfold::http {

void feast_error(const responder& to, unsigned status, std::string_view error_class,
                 std::string_view message) {
  json_writer detail;
  detail.raw(R"({"module": "feast.errors", "class": )");
  detail.string(error_class);
  detail.raw(R"(, "message": )");
  detail.string(message);
  detail.raw('}');
  json_writer body;
  body.string(detail.view());
  to.send({.status = status, .body = body.view()});
}

void feast_malformed(const responder& to, std::string_view where, std::string_view message) {
  json_writer body;
  body.raw(R"({"detail":[{"type":"value_error","loc":["body")");
  while (!where.empty()) {
    auto end = where.find('.');
    body.raw(',');
    body.string(where.substr(0, end));
    where.remove_prefix(end == std::string_view::npos ? where.size() : end + 1);
  }
  body.raw(R"(],"msg":)");
  body.string(message);
  body.raw("}]}");
  to.thread().metrics.rejected(fault::malformed_body);
  to.send({.status = status_of(fault::malformed_body), .body = body.view()});
}

} // namespace keyfold::http
