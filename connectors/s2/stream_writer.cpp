#include "connectors/s2/stream_writer.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <xxhash.h>

#include <algorithm>
#include <random>
#include <thread>

namespace keyfold::s2 {
namespace {

/// How long a request is tried again before the caller is told, who tries anew from the start.
constexpr std::chrono::seconds retry_for{5};
constexpr size_t max_answer_bytes = 16u << 20;
/// Epoch, checksum, count, end, and blanks between.
constexpr size_t marker_numbers_bytes = 20 + 8 + 20 + 3 + 4;
constexpr size_t max_payload_kept = 64u << 10;
constexpr size_t max_key_kept = 256;
constexpr std::chrono::seconds letter_patience{20};

/// At most 36 bytes, and not that of any other process.
std::string new_token() {
  std::random_device random;
  return fmt::format("kf-{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

http_client_settings client_settings(const basin_settings& x) {
  auto out = x.http;
  out.max_answer_bytes = max_answer_bytes;
  return out;
}

std::string without_blanks(std::string x) {
  std::replace(x.begin(), x.end(), ' ', '_');
  return x;
}

} // namespace

result<std::unique_ptr<event_output>>
make_s2_output(output_settings settings, std::shared_ptr<prometheus::Registry> registry) {
  auto wrong = [&](std::string_view what) {
    return fail(fmt::format("output \"{}\": {}", settings.name, what));
  };
  if (settings.basin.endpoint.empty() || settings.basin.basin.empty() || settings.stream.empty())
    return wrong("an S2 output needs an endpoint, a basin and a stream");
  if (settings.transactional_id.empty())
    return wrong("an S2 output needs a transactional id");
  for (const auto& x : settings.columns)
    if (settings.upsert && x.key.empty())
      return wrong("upserts need a key");
  return std::make_unique<stream_writer>(std::move(settings), std::move(registry));
}

stream_writer::stream_writer(output_settings settings,
                             std::shared_ptr<prometheus::Registry> registry)
    : settings_(std::move(settings)), requests_(settings_.basin),
      metrics_(std::move(registry), settings_.name), client_(client_settings(settings_.basin)),
      backoff_(std::random_device{}()), token_(new_token()),
      batch_(settings_.transactional_id.size() + marker_numbers_bytes) {
  settings_.transactional_id = without_blanks(std::move(settings_.transactional_id));
  for (const auto& x : settings_.columns) {
    auto& to = writers_.emplace_back();
    if (settings_.upsert)
      to.key = make_row_writer(settings_.key_format, x, settings_.key_style);
    to.value = make_row_writer(settings_.value_format, x, settings_.value_style);
  }
}

std::string stream_writer::owner() const {
  return fmt::format("output \"{}\"", settings_.name);
}

void stream_writer::interrupt() noexcept {
  interrupted_ = true;
  client_.interrupt();
}

bool stream_writer::pause(std::chrono::milliseconds wait) {
  constexpr std::chrono::milliseconds step{20};
  for (auto left = wait; left.count() > 0 && !interrupted_; left -= step)
    std::this_thread::sleep_for(std::min(left, step));
  return !interrupted_;
}

result<http_exchange_answer> stream_writer::exchange(const http_exchange_request& what) {
  auto deadline = clock::now() + retry_for;
  backoff_.reset();
  for (;;) {
    auto answer = client_.exchange(what);
    if (answer && !worth_retrying(answer->status))
      return answer;
    auto why = answer ? refusal(answer->status, answer->body) : answer.error().message;
    auto wait = backoff_.next(answer ? answer->retry_after : std::chrono::seconds{0});
    if (interrupted_ || clock::now() + wait >= deadline || !pause(wait))
      return fail(std::move(why));
    metrics_.retries.Increment();
    problems_.set("output", why);
  }
}

tl::unexpected<error> stream_writer::fail_open(std::string message) {
  auto sentence = fmt::format("{}: {}", owner(), message);
  problems_.set("output", std::move(message));
  return fail(std::move(sentence));
}

result<void> stream_writer::publish(uint64_t epoch, std::string_view log) {
  if (!open_)
    return fail(fmt::format("{}: not open", owner()));
  auto begun = clock::now();
  progress at;
  at.marker.epoch = epoch;
  at.marker.checksum = static_cast<uint32_t>(XXH3_64bits(log.data(), log.size()));
  auto done = result<void>{};
  if (found_ && found_->epoch == epoch && !found_->last) {
    at.skip = found_->changes;
    metrics_.resumed.Increment();
    if (found_->checksum != at.marker.checksum) {
      fatal_ = true;
      done = fail("the stream holds a part of this epoch with other changes than the ledger's: "
                  "the ledger is older than what was published. Restore the newer ledger, or give "
                  "the output a new stream or transactional_id");
    }
  }
  found_.reset();
  if (done)
    done = append_all(log, at);
  if (!done) {
    open_ = false;
    batch_.clear();
    problems_.set("output", done.error().message);
    return fail(fmt::format("{}: epoch {}: {}", owner(), epoch, done.error().message));
  }
  metrics_.publish_seconds.Observe(std::chrono::duration<double>(clock::now() - begun).count());
  problems_.clear_all("");
  return {};
}

result<void> stream_writer::append_all(std::string_view log, progress& at) {
  change_log_reader reader{log};
  change x;
  while (reader.next(x))
    if (auto done = append_change(x, at); !done)
      return done;
  if (!reader.good()) {
    fatal_ = true;
    return fail("the outbox in the ledger is malformed: restore the ledger from a backup");
  }
  return batch_.empty() ? result<void>{} : send(at, true);
}

result<void> stream_writer::append_change(const change& x, progress& at) {
  if (at.skip > 0) {
    --at.skip;
    ++at.marker.changes;
    return {};
  }
  new_record record;
  if (auto written = write_record(x, record); !written)
    return written;
  auto told = settings_.upsert || !x.erased;
  if (!told)
    metrics_.deletes_left_out.Increment();
  if (told && !batch_.admits(record)) {
    told = false;
    if (auto buried = bury(x, record, at); !buried)
      return buried;
  }
  if (told && !batch_.has_room(record))
    if (auto sent = send(at, false); !sent)
      return sent;
  ++at.marker.changes;
  if (told)
    batch_.add(record);
  return {};
}

result<void> stream_writer::write_record(const change& x, new_record& out) {
  if (x.source >= writers_.size() || !fits(x, settings_.columns[x.source])) {
    fatal_ = true;
    return fail(fmt::format("the outbox in the ledger has a change of view number {} which does "
                            "not fit what the definition sends here: start once with the "
                            "definition that wrote it",
                            x.source));
  }
  auto& to = writers_[x.source];
  key_.clear();
  value_.clear();
  if (to.key) {
    to.key->write_key(x.key, key_);
    out.key = key_;
    out.action = x.erased ? "d" : "u";
  }
  if (!x.erased)
    to.value->write_value(x.key, x.values, value_);
  out.body = value_;
  if (settings_.event_time && x.at != beginning_of_time) {
    auto ms = std::chrono::floor<std::chrono::milliseconds>(x.at.time_since_epoch()).count();
    out.timestamp_ms = std::max<int64_t>(ms, 0);
  }
  return {};
}

/// The row is larger than the service takes, and would be tomorrow. Waits until its dead letter is
/// in the ledger: else a crash behind the append would lose it.
result<void> stream_writer::bury(const change& x, const new_record& record, const progress& at) {
  auto reason = fmt::format("the record has {} bytes as S2 counts them, more than the {} that it "
                            "takes",
                            append_batch::metered(record), append_batch::max_bytes);
  if (!settings_.letters) {
    fatal_ = true;
    return fail(std::move(reason));
  }
  std::pair row{at.marker.epoch, at.marker.changes};
  if (lettered_ >= row) // in an attempt before
    return {};
  std::vector<dead_letter> letters;
  letters.push_back({settings_.columns[x.source].view,
                     fmt::format("output {} key {}", settings_.name,
                                 key_.substr(0, std::min(key_.size(), max_key_kept))),
                     std::move(reason), std::string{record.body.substr(0, max_payload_kept)}});
  uint64_t ticket = 0;
  auto offered = false;
  for (auto deadline = clock::now() + letter_patience; clock::now() < deadline;) {
    offered = offered || settings_.letters->offer(letters, &ticket);
    if (offered && settings_.letters->in_ledger(ticket)) {
      metrics_.too_large.Increment();
      lettered_ = row;
      return {};
    }
    if (!pause(std::chrono::milliseconds{20}))
      return fail("interrupted");
  }
  return fail("a row is too large, and its dead letter is not in the ledger yet: see whether the "
              "dead-letter output works");
}

result<void> stream_writer::send(progress& at, bool last) {
  at.marker.last = last;
  auto records = batch_.size();
  auto bytes = batch_.bytes();
  auto text = marker_text(settings_.transactional_id, at.marker);
  auto body = batch_.take(text);
  for (;;) {
    auto answer = exchange(
        requests_.append(settings_.stream, append_body(body, append_conditions{next_, token_})));
    if (!answer)
      return tl::unexpected{answer.error()};
    if (answer->status == status::mismatch) {
      auto there = resolve(mismatch_of(answer->body), at.marker);
      if (!there)
        return tl::unexpected{there.error()};
      if (!*there)
        continue;
    } else if (answer->status != status::good) {
      return refuse_append(*answer);
    } else {
      auto end = parse_position(answer->body, "end");
      if (!end)
        return fail("the answer to an append cannot be read: " + end.error().message);
      next_ = *end;
    }
    break;
  }
  metrics_.appends.Increment();
  metrics_.records.Increment(static_cast<double>(records));
  metrics_.bytes.Increment(static_cast<double>(bytes));
  return {};
}

result<void> stream_writer::refuse_append(const http_exchange_answer& answer) {
  if (answer.status == status::not_found)
    there_ = false; // to be made again, if it may
  return fail(refusal(answer.status, answer.body));
}

} // namespace keyfold::s2
