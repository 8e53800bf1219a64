#include "app/http_client.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <fmt/format.h>

namespace keyfold {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace web = boost::beast::http;

/// Largest answer that is taken.
constexpr uint64_t max_answer_bytes = 64u << 20;

/// One exchange. Every step ends: the stream's deadline covers all but the look-up of the name.
class exchange {
public:
  explicit exchange(const http_request& what) : what_(what) {}

  http_answer run() {
    asio::ip::tcp::resolver resolver{context_};
    auto places = resolver.resolve(what_.to.host, what_.to.port);
    if (!what_.to.tls) {
      beast::tcp_stream stream{context_};
      connect(stream, places);
      return talk(stream);
    }
    asio::ssl::context trust{asio::ssl::context::tls_client};
    if (what_.ca_certificate.empty())
      trust.set_default_verify_paths();
    else
      trust.load_verify_file(what_.ca_certificate);
    beast::ssl_stream<beast::tcp_stream> stream{context_, trust};
    stream.set_verify_mode(asio::ssl::verify_peer);
    stream.set_verify_callback(asio::ssl::host_name_verification{what_.to.host});
    SSL_set_tlsext_host_name(stream.native_handle(), what_.to.host.c_str());
    connect(stream.next_layer(), places);
    finish(stream.async_handshake(asio::ssl::stream_base::client, asio::use_future));
    return talk(stream);
  }

private:
  template <class T>
  T finish(std::future<T> outcome) {
    context_.restart();
    context_.run();
    return outcome.get();
  }

  void connect(beast::tcp_stream& stream, const asio::ip::tcp::resolver::results_type& places) {
    stream.expires_after(what_.timeout);
    finish(stream.async_connect(places, asio::use_future));
  }

  template <class Stream>
  http_answer talk(Stream& stream) {
    web::request<web::empty_body> request{web::verb::get, what_.to.base + what_.target, 11};
    request.set(web::field::host, what_.to.host + ":" + what_.to.port);
    request.set(web::field::user_agent, "keyfold");
    request.set(web::field::connection, "close");
    if (!what_.bearer_token.empty())
      request.set(web::field::authorization, "Bearer " + what_.bearer_token);
    finish(web::async_write(stream, request, asio::use_future));
    beast::flat_buffer buffer;
    web::response_parser<web::string_body> answer;
    answer.body_limit(max_answer_bytes);
    finish(web::async_read(stream, buffer, answer, asio::use_future));
    return {answer.get().result_int(), std::move(answer.get().body())};
  }

  const http_request& what_;
  asio::io_context context_{1};
};

} // namespace

result<http_address> parse_http_address(std::string_view text) {
  auto wrong = [&] {
    return fail(
        fmt::format("\"{}\" is not an address: write http://HOST:PORT or https://HOST:PORT", text));
  };
  http_address result;
  auto rest = text;
  auto scheme = rest.find("://");
  if (scheme == std::string_view::npos)
    return wrong();
  result.tls = rest.substr(0, scheme) == "https";
  if (!result.tls && rest.substr(0, scheme) != "http")
    return wrong();
  rest.remove_prefix(scheme + 3);
  auto slash = rest.find('/');
  if (slash != std::string_view::npos)
    result.base = rest.substr(slash);
  while (!result.base.empty() && result.base.back() == '/')
    result.base.pop_back();
  auto place = rest.substr(0, slash);
  auto bracket = place.rfind(']'); // of an IPv6 address
  auto colon = place.rfind(':');
  if (colon != std::string_view::npos && bracket != std::string_view::npos && colon < bracket)
    colon = std::string_view::npos;
  result.host = place.substr(0, colon);
  result.port =
      colon == std::string_view::npos ? (result.tls ? "443" : "80") : place.substr(colon + 1);
  if (result.host.size() > 2 && result.host.front() == '[' && result.host.back() == ']')
    result.host = result.host.substr(1, result.host.size() - 2);
  if (result.host.empty() || result.port.empty()
      || result.port.find_first_not_of("0123456789") != std::string::npos)
    return wrong();
  return result;
}

result<http_answer> http_get(const http_request& what) {
  try {
    return exchange{what}.run();
  } catch (const boost::system::system_error& problem) {
    return fail(
        fmt::format("no answer from {}:{} ({}): is `keyfold run` up, and is --address what its "
                    "definition's \"serving\" says?",
                    what.to.host, what.to.port, problem.code().message()));
  }
}

std::string percent_encode(std::string_view text) {
  std::string result;
  for (auto x : text) {
    auto plain = (x >= 'a' && x <= 'z') || (x >= 'A' && x <= 'Z') || (x >= '0' && x <= '9')
                 || x == '-' || x == '.' || x == '_' || x == '~';
    if (plain)
      result.push_back(x);
    else
      result += fmt::format("%{:02X}", static_cast<unsigned char>(x));
  }
  return result;
}

} // namespace keyfold
