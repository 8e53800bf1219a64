#include "connectors/webhook/batch_output.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace keyfold::webhook {

namespace {

constexpr int max_attempts = 8; ///< of a request, before its epoch fails
constexpr int attempts_before_report = 3;
constexpr size_t max_letters_held = 1000;
constexpr size_t max_quoted_bytes = 300;
/// Shorter ones would blot out what is no secret.
constexpr size_t shortest_secret = 6;

void blot_out(const std::string& secret, std::string& text) {
  if (secret.size() < shortest_secret)
    return;
  for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at))
    text.replace(at, secret.size(), "***");
}

} // namespace

verdict judge(long status) noexcept {
  if (status / 100 == 2)
    return verdict::done;
  if (status / 100 == 5 || status == 408 || status == 409 || status == 425 || status == 429)
    return verdict::again;
  if (status / 100 != 4 || status == 401 || status == 403 || status == 404 || status == 405
      || status == 407 || status == 410)
    return verdict::closed;
  return verdict::bad_row;
}

std::string shown_url(const std::string& url) {
  auto begin = url.find("://");
  begin = begin == std::string::npos ? 0 : begin + 3;
  auto end = std::min(url.find_first_of("?#", begin), url.size());
  auto slash = std::min(url.find('/', begin), end);
  auto at = url.rfind('@', slash);
  auto host = at == std::string::npos || at < begin ? begin : at + 1;
  return url.substr(0, begin) + url.substr(host, end - host);
}

std::unique_ptr<event_output> make_webhook_output(output_settings settings,
                                                  std::shared_ptr<prometheus::Registry> registry,
                                                  std::shared_ptr<dead_letter_queue> letters) {
  return std::make_unique<batch_output>(std::move(settings), std::move(registry),
                                        std::move(letters));
}

batch_output::batch_output(output_settings settings, std::shared_ptr<prometheus::Registry> registry,
                           std::shared_ptr<dead_letter_queue> letters)
    : settings_(std::move(settings)), url_(shown_url(settings_.url)),
      lines_(row_format::json, settings_.columns), metrics_(registry, settings_.name),
      letters_(std::move(letters)),
      requests_(
          settings_.http, settings_.max_in_flight, [this](const batch& x) { return request(x); },
          [this](batch x, const result<http_exchange_answer>& said) { take(std::move(x), said); }) {
}

void batch_output::say(std::string sentence) {
  if (!sentence.empty() && status().ready)
    spdlog::warn("output {}: {}", settings_.name, sentence);
  std::lock_guard guard{status_mutex_};
  status_ = {sentence.empty(), std::move(sentence)};
}

component_status batch_output::status() const {
  std::lock_guard guard{status_mutex_};
  return status_;
}

void batch_output::interrupt() noexcept {
  letters_.interrupt();
  requests_.interrupt();
}

/// The receiver holds no marker: the ledger knows what it has confirmed.
result<uint64_t> batch_output::open() {
  fatal_ = false;
  return uint64_t{0};
}

result<void> batch_output::publish(uint64_t epoch, std::string_view log) {
  if (std::exchange(epoch_, epoch) != epoch)
    done_.clear();
  auto done = send_all(epoch, log);
  if (done)
    done = requests_.finish();
  if (done)
    done = letters_.settle();
  if (done) {
    say({});
    return done;
  }
  requests_.abandon();
  say(done.error().message);
  return fail(
      fmt::format("output \"{}\": epoch {}: {}", settings_.name, epoch, done.error().message));
}

/// Batches depend on the log alone, so that each has the same key whenever it is sent.
result<void> batch_output::send_all(uint64_t epoch, std::string_view log) {
  change_log_reader reader{log};
  change x;
  batch next;
  uint64_t number = 0;
  auto close = [&]() -> result<void> {
    next.key = fmt::format("{}-{}-{}", settings_.pipeline, epoch, number++);
    return send(std::exchange(next, {}));
  };
  while (reader.next(x)) {
    std::string row;
    if (!lines_.append(x, row)) {
      fatal_ = true;
      return fail("the outbox in the ledger has a change which does not fit what the definition "
                  "sends here: start once with the definition that wrote it");
    }
    row.pop_back(); // the line's end
    if (!next.rows.empty() && next.bytes + row.size() > settings_.batch_bytes)
      if (auto sent = close(); !sent)
        return sent;
    next.bytes += row.size() + 1;
    next.rows.push_back(std::move(row));
    if (next.rows.size() >= settings_.batch_rows)
      if (auto sent = close(); !sent)
        return sent;
  }
  if (!reader.good()) {
    fatal_ = true;
    return fail("the outbox in the ledger is malformed: restore the ledger from a backup");
  }
  return next.rows.empty() ? result<void>{} : close();
}

result<void> batch_output::send(batch x) {
  if (letters_.held() >= max_letters_held)
    if (auto done = letters_.hand_over(); !done)
      return done;
  return done_.contains(x.key) ? result<void>{} : requests_.add(std::move(x));
}

result<http_exchange_request> batch_output::request(const batch& x) const {
  http_exchange_request out{settings_.method, settings_.url, {}, {}};
  out.headers.push_back("Content-Type: application/json");
  out.headers.push_back(fmt::format("{}: {}", settings_.key_header, x.key));
  for (const auto& [name, value] : settings_.headers)
    out.headers.push_back(fmt::format("{}: {}", name, value));
  metrics_.requests.Increment();
  if (settings_.batch_rows == 1) {
    out.body = x.rows.front();
    return out;
  }
  out.body.reserve(x.bytes + 2);
  out.body.push_back('[');
  for (const auto& row : x.rows) {
    if (&row != &x.rows.front())
      out.body.push_back(',');
    out.body += row;
  }
  out.body.push_back(']');
  return out;
}

void batch_output::take(batch x, const result<http_exchange_answer>& answered) {
  auto what = answered ? judge(answered->status) : verdict::again;
  if (what == verdict::done) {
    metrics_.rows.Increment(static_cast<double>(x.rows.size()));
    done_.insert(std::move(x.key));
    return say({});
  }
  if (what == verdict::bad_row)
    return refuse_or_split(std::move(x), *answered);
  auto why = answered ? fmt::format("{} answers {}", url_, answer_text(*answered))
                      : fmt::format("{} cannot be reached: {}", url_, answered.error().message);
  if (what == verdict::closed)
    return requests_.give_up(why
                             + (answered->status / 100 == 3
                                    ? ": give the URL that it points to, redirects are not followed"
                                    : ": see to its URL, and to the token and headers sent there"));
  metrics_.repeated.Increment();
  if (++x.attempts >= max_attempts)
    return requests_.give_up(why);
  if (x.attempts >= attempts_before_report)
    say(why + "; trying again");
  auto pause = retry_pause(x.attempts, answered ? answered->retry_after : std::chrono::seconds{0});
  requests_.again(std::move(x), pause);
}

/// Halves a batch until the row that is wrong stands alone. The halves have keys of their own,
/// which are the same every time, too.
void batch_output::refuse_or_split(batch x, const http_exchange_answer& said) {
  if (x.rows.size() == 1) {
    metrics_.refused.Increment();
    letters_.add({settings_.columns.front().view,
                  fmt::format("output {}, request {}", settings_.name, x.key),
                  fmt::format("{} does not take this row: {}", url_, answer_text(said)),
                  std::move(x.rows.front())});
    done_.insert(std::move(x.key));
    return;
  }
  batch second;
  auto middle = x.rows.begin() + static_cast<ptrdiff_t>(x.rows.size() / 2);
  second.rows.assign(std::make_move_iterator(middle), std::make_move_iterator(x.rows.end()));
  x.rows.erase(middle, x.rows.end());
  second.key = x.key + ".2";
  x.key += ".1";
  x.attempts = 0;
  for (auto* half : {&x, &second})
    if (!done_.contains(half->key))
      requests_.add_more(std::move(*half));
}

/// Status and the beginning of the body, without what may be secret.
std::string batch_output::answer_text(const http_exchange_answer& said) const {
  auto text = said.body;
  blot_out(settings_.http.token, text);
  blot_out(settings_.http.password, text);
  for (const auto& [name, value] : settings_.headers)
    blot_out(value, text);
  text.resize(std::min(text.size(), max_quoted_bytes));
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return text.empty() ? fmt::format("{}", said.status) : fmt::format("{}: {}", said.status, text);
}

} // namespace keyfold::webhook
