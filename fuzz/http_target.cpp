// What a client can send before anybody is asked: requests in pieces, targets, bodies of Feast's
// reads and of pushes.
#include "../tests/http/fake_catalog.hpp"
#include "http/online_request.hpp"
#include "http/push_request.hpp"
#include "http/query_parameters.hpp"
#include "http/request_reader.hpp"
#include "http/target.hpp"
#include "http/tokens.hpp"

#include <boost/asio/buffer.hpp>
#include <simdjson.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace keyfold;
using namespace keyfold::http;

const catalog_index& some_index() {
  static const catalog_index index{test::make_catalog()};
  return index;
}

void fuzz_target(std::string_view text) {
  target where;
  if (!where.parse(text))
    return;
  if (where.segments().empty() || where.segments().size() > target::max_segments)
    std::abort();
  (void)read_as_of(where, event_time{});
  for (auto segment : where.segments())
    if (!simdjson::validate_utf8(segment.data(), segment.size()))
      std::abort();
}

/// What is resolved gives each computed feature all its parameters in each row.
void fuzz_online_request(simdjson::dom::element body) {
  constexpr size_t most_keys = 100;
  auto resolved = resolve_online_request(body, some_index(), most_keys);
  if (!resolved) {
    if (resolved.error().message.empty())
      std::abort();
    return;
  }
  for (const auto& part : resolved->parts)
    if (part.keys.size() != resolved->rows || resolved->rows > most_keys)
      std::abort();
  for (const auto& x : resolved->features)
    for (size_t row = 0; x.computed_by != nullptr && row < resolved->rows; ++row)
      if (resolved->given(*x.computed_by, row).size() != x.computed_by->parameters.size())
        std::abort();
}

void fuzz_bodies(std::string body) {
  std::string copy = body;
  (void)read_push(copy, {.max_rows = 100, .max_depth = 16}, true);
  copy = body;
  (void)read_push_rows(copy, false, {.max_rows = 100, .max_depth = 16});
  body.reserve(body.size() + simdjson::SIMDJSON_PADDING);
  simdjson::dom::parser parser;
  simdjson::dom::element parsed;
  if (parser.allocate(body.size() + 64, 16) == simdjson::SUCCESS
      && parser.parse(body.data(), body.size(), false).get(parsed) == simdjson::SUCCESS)
    fuzz_online_request(parsed);
}

/// Reads all requests of a connection whose bytes come `piece` at a time.
void fuzz_requests(std::string_view bytes, size_t piece) {
  request_reader reader{{{256, 16}, 1024, 4096}};
  boost::beast::flat_buffer in{8192};
  using step = request_reader::step;
  for (size_t i = 0; i < bytes.size(); i += piece) {
    auto part = bytes.substr(i, piece);
    if (in.size() + part.size() > in.max_size())
      return;
    boost::asio::buffer_copy(in.prepare(part.size()),
                             boost::asio::buffer(part.data(), part.size()));
    in.commit(part.size());
    for (auto done = reader.next(in); done != step::need_more; done = reader.next(in)) {
      if (done == step::refused)
        return;
      auto& message = reader.request();
      fuzz_target({message.target().data(), message.target().size()});
      if (done == step::complete) {
        fuzz_bodies(std::move(message.body()));
        reader.begin_next();
      }
    }
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2 || size > 8192)
    return 0;
  auto text = std::string_view{reinterpret_cast<const char*>(data), size}.substr(1);
  switch (data[0] % 4) {
  case 0:
    fuzz_target(text);
    break;
  case 1:
    fuzz_bodies(std::string{text});
    break;
  case 2:
    (void)token_table::parse(text);
    break;
  default:
    fuzz_requests(text, std::max<size_t>(data[0] / 4, 1));
  }
  return 0;
}
