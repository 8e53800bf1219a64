#include "connectors/http_client/event_stream.hpp"
#include "connectors/s2/answers.hpp"
#include "connectors/s2/append_batch.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace {

using namespace keyfold;

void read(std::string_view text) {
  static s2::read_batch batch;
  auto done = s2::parse_read_batch(text, batch);
  if (!done && (!batch.records.empty() || done.error().message.empty()))
    std::abort();
  size_t bytes = 0;
  for (const auto& x : batch.records) {
    bytes += batch.view(x.body).size();
    for (const auto& header : batch.headers(x))
      bytes += batch.view(header.name).size() + batch.view(header.value).size();
    if (auto marker = batch.find(x, s2::marker_header))
      s2::parse_marker(*marker, "id");
    if (x.number < 0 || x.timestamp_ms < 0)
      std::abort();
  }
  if (bytes > text.size())
    std::abort();
  if (auto list = s2::parse_stream_list(text); list && list->more && list->last.empty())
    std::abort();
  if (auto position = s2::parse_position(text, "tail"); position && *position < 0)
    std::abort();
  s2::error_of(text);
  s2::mismatch_of(text);
  if (auto marker = s2::parse_marker(text, "id");
      marker && s2::parse_marker(s2::marker_text("id", *marker), "id") != marker)
    std::abort();
}

struct counts {
  size_t events = 0;
  size_t bytes = 0;
  bool failed = false;
};

counts take_apart(std::string_view text, size_t piece, std::vector<server_event>* kept) {
  constexpr size_t most = 4096;
  event_stream_parser parser{most};
  counts out;
  for (size_t at = 0; at < text.size() && !out.failed; at += piece) {
    parser.feed(text.substr(at, piece));
    server_event x;
    for (;;) {
      auto more = parser.next(x);
      out.failed = !more;
      if (!more || !*more)
        break;
      if (x.data.size() > most)
        std::abort();
      ++out.events;
      out.bytes += x.data.size();
      if (kept != nullptr)
        kept->push_back(x);
    }
    if (!out.failed && parser.waiting() > most + piece)
      std::abort();
  }
  return out;
}

} // namespace

/// Arbitrary bytes as an answer of S2 and as its stream of events are read or refused, and a stream
/// of events says the same however it is cut.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text{reinterpret_cast<const char*>(data), size};
  read(text);
  std::vector<server_event> events;
  auto whole = take_apart(text, size + 1, &events);
  auto cut = take_apart(text, 1 + size % 7, nullptr);
  if (!whole.failed && !cut.failed && (whole.events != cut.events || whole.bytes != cut.bytes))
    std::abort();
  for (const auto& x : events)
    read(x.data);
  return 0;
}
