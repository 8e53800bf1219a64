#include "app/stream_reader.hpp"

#include "connectors/s2/answers.hpp"

#include <fmt/format.h>

namespace keyfold {

namespace {

constexpr std::string_view cloud = "https://{basin}.b.aws.s2.dev";
constexpr size_t max_answer_bytes = 16u << 20;

http_client_settings client_settings(const s2::basin_settings& x) {
  auto out = x.http;
  out.max_answer_bytes = max_answer_bytes;
  return out;
}

} // namespace

result<stream_reader_settings>
parse_stream_address(std::string_view text, const std::map<std::string, std::string>& properties) {
  auto slash = text.find('/');
  if (slash == 0 || slash == std::string_view::npos || slash + 1 == text.size())
    return fail(fmt::format("\"s2://{}\" names no stream: write s2://BASIN/STREAM", text));
  stream_reader_settings out;
  out.basin.basin = text.substr(0, slash);
  out.stream = text.substr(slash + 1);
  out.basin.endpoint = cloud;
  for (const auto& [name, value] : properties) {
    if (name == "endpoint")
      out.basin.endpoint = value;
    else if (name == "token")
      out.basin.http.token = value;
    else if (name == "ca_certificate")
      out.basin.http.ca_certificate = value;
    else
      return fail(fmt::format("--property {} is none of S2's: these are endpoint, token and "
                              "ca_certificate",
                              name));
  }
  return out;
}

stream_reader::stream_reader(stream_reader_settings settings)
    : settings_(std::move(settings)), requests_(settings_.basin),
      client_(client_settings(settings_.basin)) {}

result<std::string> stream_reader::ask(const http_exchange_request& what) {
  constexpr long good = 200;
  auto answer = client_.exchange(what);
  if (answer && answer->status == good)
    return std::move(answer->body);
  return fail(fmt::format(
      "cannot read the stream {} of basin {}: {}", settings_.stream, settings_.basin.basin,
      answer ? s2::refusal(answer->status, answer->body) : answer.error().message));
}

result<void> stream_reader::read_to_end(const record_visitor& visit) {
  constexpr size_t at_once = 1000;
  auto tail = ask(requests_.tail(settings_.stream));
  if (!tail)
    return tl::unexpected{tail.error()};
  auto end = s2::parse_position(*tail, "tail");
  if (!end)
    return tl::unexpected{end.error()};
  s2::read_batch batch;
  while (next_ < *end) {
    auto answer = ask(requests_.read(settings_.stream, next_, at_once));
    if (!answer)
      return tl::unexpected{answer.error()};
    if (auto read = s2::parse_read_batch(*answer, batch); !read)
      return read;
    if (batch.records.empty())
      return {};
    for (const auto& x : batch.records) {
      next_ = x.number + 1;
      if (batch.is_command(x))
        continue;
      auto erased = batch.find(x, "@action") == "d";
      visit(fmt::format("{}@{}", settings_.stream, x.number), batch.find(x, "@key"),
            erased ? std::nullopt : std::optional{batch.view(x.body)});
    }
  }
  return {};
}

} // namespace keyfold
