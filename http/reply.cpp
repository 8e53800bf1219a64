#include "http/reply.hpp"

#include <charconv>

namespace keyfold::http {

namespace {

void append_number(std::string& out, uint64_t x) {
  char digits[20];
  out.append(digits, std::to_chars(digits, digits + sizeof(digits), x).ptr);
}

} // namespace

void append_reply(std::string& out, const reply& x, const reply_context& context) {
  if (out.capacity() < out.size() + x.body.size() + x.fields.size() + 320)
    out.reserve(2 * out.size() + x.body.size() + x.fields.size() + 320);
  out += "HTTP/1.1 ";
  append_number(out, x.status);
  out += ' ';
  out += reason_phrase(x.status);
  out += "\r\nDate: ";
  out += context.date;
  if (!x.content_type.empty()) {
    out += "\r\nContent-Type: ";
    out += x.content_type;
  }
  out += "\r\nContent-Length: ";
  append_number(out, x.body.size());
  out += "\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n";
  if (!context.keep_alive)
    out += "Connection: close\r\n";
  else if (context.old_version)
    out += "Connection: keep-alive\r\n";
  out += x.fields;
  out += "\r\n";
  if (!context.head)
    out += x.body;
}

} // namespace keyfold::http
