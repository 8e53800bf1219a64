#include "server.hpp"

#include "connectors/formats/base64.hpp"
#include "connectors/s2/answers.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <stdexcept>

namespace keyfold::s2::test {
namespace {

constexpr int skipped = 77;

std::string output_of(const std::string& command, int* status) {
  auto* pipe = popen(command.c_str(), "r");
  if (!pipe)
    throw std::runtime_error{"no shell"};
  std::string out;
  std::array<char, 4096> buffer{};
  while (auto count = fread(buffer.data(), 1, buffer.size(), pipe))
    out.append(buffer.data(), count);
  auto ended = pclose(pipe);
  *status = WIFEXITED(ended) ? WEXITSTATUS(ended) : 128;
  while (!out.empty() && out.back() == '\n')
    out.pop_back();
  return out;
}

std::string script(const std::string& arguments, int* status) {
  return output_of(fmt::format("S2_STORE=disk S2_DIR='{}/s2-test' '{}/tests/servers/s2' {} 2>&1",
                               KEYFOLD_BINARY_DIR, KEYFOLD_SOURCE_DIR, arguments),
                   status);
}

std::string tls_script(const std::string& arguments) {
  int status = 0;
  auto said =
      output_of(fmt::format("S2_TLS=1 S2_DIR='{}/s2-tls-test' '{}/tests/servers/s2' {} 2>&1",
                            KEYFOLD_BINARY_DIR, KEYFOLD_SOURCE_DIR, arguments),
                &status);
  if (status != 0)
    throw std::runtime_error{said};
  return said.substr(said.rfind('\n') + 1);
}

void must(const std::string& arguments) {
  int status = 0;
  if (auto said = script(arguments, &status); status != 0)
    throw std::runtime_error{said};
}

std::string port() {
  const char* set = std::getenv("KEYFOLD_S2_PORT");
  return set == nullptr ? "19610" : set;
}

std::string base64(std::string_view text) {
  std::string out;
  append_base64(text, out);
  return out;
}

http_exchange_answer ask(const http_exchange_request& what) {
  http_client client{{}};
  auto answer = client.exchange(what);
  if (!answer)
    throw std::runtime_error{answer.error().message};
  return *answer;
}

http_exchange_answer must_answer(const http_exchange_request& what) {
  auto answer = ask(what);
  if (answer.status / 100 != 2)
    throw std::runtime_error{
        fmt::format("{} {}: {} {}", what.method, what.url, answer.status, answer.body)};
  return answer;
}

basin_requests requests() {
  return basin_requests{test_basin()};
}

} // namespace

test_server& test_server::instance() {
  static test_server the_only;
  return the_only;
}

std::string test_server::start() {
  int status = 0;
  auto said = script("start " + port(), &status);
  if (status == skipped)
    return said;
  if (status != 0)
    throw std::runtime_error{said};
  url_ = said.substr(said.rfind('\n') + 1);
  return {};
}

void test_server::stop_and_wipe() {
  int status = 0;
  script("stop --wipe", &status);
}

void test_server::kill() {
  must("kill");
}

void test_server::up() {
  must("start " + port());
}

void test_server::pause() {
  must("pause");
}

void test_server::resume() {
  must("resume");
}

tls_server::tls_server() : url_(tls_script(fmt::format("start {}", std::stoi(port()) + 1))) {}

tls_server::~tls_server() {
  tls_script("stop --wipe");
}

std::string tls_server::certificate() const {
  return std::string{KEYFOLD_BINARY_DIR} + "/s2-tls-test/tls.pem";
}

test_proxy::test_proxy() {
  auto server = test_server::instance().url();
  auto command =
      fmt::format("echo $$; exec python3 '{}/tests/servers/fault_proxy' --server {} 2>&1",
                  KEYFOLD_SOURCE_DIR, server.substr(server.rfind('/') + 1));
  process_ = popen(command.c_str(), "r");
  std::array<char, 256> line{};
  auto word = [&](std::string_view after) {
    if (fgets(line.data(), line.size(), process_) == nullptr)
      throw std::runtime_error{"the fault proxy says nothing"};
    std::string text{line.data()};
    if (!text.starts_with(after))
      throw std::runtime_error{text};
    text.pop_back();
    return text.substr(after.size());
  };
  pid_ = std::stoi(word(""));
  url_ = "http://" + word("proxy ");
  control_ = word("control ");
}

test_proxy::~test_proxy() {
  ::kill(pid_, SIGTERM);
  pclose(process_);
}

void test_proxy::fault(const std::string& what) {
  must_answer({"POST", control_ + "/" + what, {}, {}});
}

std::string plain_record::header(const std::string& name) const {
  for (const auto& [known, value] : headers)
    if (known == name)
      return value;
  return "(none)";
}

std::string unique(const std::string& name) {
  static auto begun = std::chrono::system_clock::now().time_since_epoch().count();
  static int count = 0;
  return fmt::format("{}/{:x}-{}", name, begun, ++count);
}

basin_settings test_basin(const std::string& url) {
  basin_settings out;
  out.endpoint = url;
  out.basin = "keyfold-test";
  out.http.timeout = std::chrono::milliseconds{3000};
  out.http.proxies = false;
  return out;
}

void create_stream(const std::string& name, const std::string& settings) {
  auto request = requests().create(name);
  request.body = settings;
  must_answer(request);
}

void delete_stream(const std::string& name) {
  auto request = requests().create(name);
  request.method = "DELETE";
  must_answer(request);
}

void append(const std::string& stream, const std::vector<plain_record>& records) {
  constexpr size_t at_once = 1000;
  for (size_t from = 0; from < records.size(); from += at_once) {
    std::string body;
    for (auto i = from; i < std::min(from + at_once, records.size()); ++i) {
      const auto& x = records[i];
      body += body.empty() ? "{" : ",{";
      if (x.timestamp_ms != 0)
        body += fmt::format("\"timestamp\":{},", x.timestamp_ms);
      body += "\"headers\":[";
      for (const auto& [name, value] : x.headers)
        body += fmt::format("{}[\"{}\",\"{}\"]", body.back() == '[' ? "" : ",", base64(name),
                            base64(value));
      body += fmt::format("],\"body\":\"{}\"}}", base64(x.body));
    }
    must_answer(requests().append(stream, "{\"records\":[" + body + "]}"));
  }
}

void trim(const std::string& stream, int64_t number) {
  plain_record command;
  command.headers = {{"", "trim"}};
  for (int shift = 56; shift >= 0; shift -= 8)
    command.body.push_back(static_cast<char>(number >> shift & 0xff));
  append(stream, {command});
}

int64_t tail_of(const std::string& stream) {
  return *parse_position(must_answer(requests().tail(stream)).body, "tail");
}

std::vector<plain_record> read_all(const std::string& stream) {
  std::vector<plain_record> out;
  read_batch batch;
  auto end = tail_of(stream);
  for (int64_t next = 0; next < end;) {
    auto answer = ask(requests().read(stream, next, 1000));
    if (answer.status == status::beyond_tail)
      break;
    if (auto read = parse_read_batch(answer.body, batch); !read)
      throw std::runtime_error{answer.body};
    if (batch.records.empty())
      break; // all have been trimmed
    for (const auto& x : batch.records) {
      next = x.number + 1;
      plain_record record{x.number, x.timestamp_ms, {}, std::string{batch.view(x.body)}};
      for (const auto& header : batch.headers(x))
        record.headers.emplace_back(batch.view(header.name), batch.view(header.value));
      if (!record.command())
        out.push_back(std::move(record));
    }
  }
  return out;
}

} // namespace keyfold::s2::test
