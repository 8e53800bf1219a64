#include "connectors/s2/source_reader.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace keyfold::s2 {
namespace {

/// What one poll may hold in memory, beyond which it returns what it has.
constexpr size_t max_batch_bytes = 64u << 20;
constexpr uint64_t max_dead_letter_bytes = 8u << 20;
constexpr size_t max_payload_kept = 64u << 10;
/// Of an answer that waits to be taken: enough to be busy with, however many streams share.
constexpr size_t least_waiting = 64u << 10;
constexpr size_t most_waiting = 4u << 20;

result<void> check(const source_settings& x, const std::string& stream) {
  auto wrong = [&](std::string_view what) {
    return fail(fmt::format("stream \"{}\": {}", stream, what));
  };
  if (x.streams.empty() && !x.prefix)
    return wrong("an S2 source needs streams or a prefix of their names");
  if (x.basin.endpoint.empty() || x.basin.basin.empty())
    return wrong("an S2 source needs an endpoint and a basin");
  if (x.max_streams == 0 || x.discover_every.count() <= 0)
    return wrong("max_streams and discover_every must be more than 0");
  return {};
}

} // namespace

result<std::unique_ptr<event_source>>
make_s2_source(source_settings settings, std::shared_ptr<const stream_schema> schema,
               std::shared_ptr<prometheus::Registry> registry) {
  if (auto good = check(settings, schema->name); !good)
    return tl::unexpected{good.error()};
  auto decoder = make_record_decoder(schema, settings.format);
  if (!decoder)
    return tl::unexpected{decoder.error()};
  return std::make_unique<source_reader>(std::move(settings), std::move(schema),
                                         std::move(*decoder), std::move(registry));
}

source_reader::source_reader(source_settings settings, std::shared_ptr<const stream_schema> schema,
                             std::unique_ptr<record_decoder> decoder,
                             std::shared_ptr<prometheus::Registry> registry)
    : settings_(std::move(settings)), schema_(std::move(schema)), decoder_(std::move(decoder)),
      builder_(schema_, 16'384), metrics_(std::move(registry), schema_->name),
      transfers_(settings_.basin.http), shared_{fmt::format("stream \"{}\"", schema_->name),
                                                settings_,
                                                basin_requests{settings_.basin},
                                                transfers_,
                                                problems_,
                                                metrics_},
      discovery_(shared_) {}

result<void> source_reader::start(const source_positions& positions) {
  known_ = positions;
  begun_before_ = !positions.empty();
  for (const auto& name : settings_.streams)
    add(name);
  if (settings_.prefix)
    problems_.set("discovery",
                  fmt::format("looking for the streams of basin \"{}\"", settings_.basin.basin));
  else
    forget_others(settings_.streams);
  return {};
}

/// What the ledger knows and is not read any more must hold nothing back.
void source_reader::forget_others(const std::vector<std::string>& listed) {
  for (const auto& [name, progress] : known_)
    if (std::find(listed.begin(), listed.end(), name) == listed.end())
      revoked_.push_back(name);
}

void source_reader::add(const std::string& name) {
  auto same = [&](const auto& x) { return x->name() == name; };
  if (std::any_of(followers_.begin(), followers_.end(), same))
    return;
  auto found = known_.find(name);
  followers_.push_back(std::make_unique<stream_follower>(
      shared_, name, found == known_.end() ? nullptr : &found->second, begun_before_));
  std::erase(revoked_, name);
}

void source_reader::remove(const stream_follower& x) {
  if (auto progress = x.progress())
    known_[x.name()] = *progress;
  revoked_.push_back(x.name());
  metrics_.forget(x.name());
  problems_.clear("stream " + x.name());
  spdlog::warn("stream \"{}\": the stream \"{}\" of basin \"{}\" is gone", schema_->name, x.name(),
               settings_.basin.basin);
}

void source_reader::discover(clock::time_point now) {
  if (!discovery_.advance(now))
    return;
  std::vector<std::string> listed{settings_.streams};
  listed.insert(listed.end(), discovery_.names().begin(), discovery_.names().end());
  for (const auto& name : listed)
    add(name);
  if (!std::exchange(discovered_, true))
    forget_others(listed);
  std::erase_if(followers_, [&](const auto& x) {
    auto gone = x->missing() && std::find(listed.begin(), listed.end(), x->name()) == listed.end();
    if (gone)
      remove(*x);
    return gone;
  });
  begun_before_ = true;
  if (settings_.until_end && !discovery_.names().empty())
    discovery_.finish();
}

size_t source_reader::waiting_bytes() const noexcept {
  return std::clamp(settings_.prefetch_bytes / std::max<size_t>(followers_.size(), 1),
                    least_waiting, most_waiting);
}

bool source_reader::advance(clock::time_point now) {
  transfers_.advance();
  discover(now);
  for (auto& x : followers_) {
    x->advance(now, waiting_bytes());
    if (!x->fatal().empty())
      fatal_ = x->fatal();
  }
  return fatal_.empty();
}

result<source_poll> source_reader::poll(size_t max_rows, std::chrono::milliseconds timeout) {
  auto deadline = clock::now() + timeout;
  source_poll out;
  for (;;) {
    if (!advance(clock::now()))
      return fail(fatal_);
    read(max_rows, out);
    if (!fatal_.empty())
      return fail(fatal_);
    collect(out);
    if (out.records > 0 || !out.progress.empty() || !out.revoked.empty())
      break;
    auto now = clock::now();
    if (interrupted_.exchange(false) || now >= deadline)
      break;
    transfers_.wait(std::chrono::ceil<std::chrono::milliseconds>(deadline - now));
  }
  collect_unread(clock::now(), out);
  if (builder_.size() > 0)
    out.events = builder_.build();
  return out;
}

bool source_reader::budget::spent() const noexcept {
  return rows == 0 || dead_letter_bytes >= max_dead_letter_bytes;
}

void source_reader::read(size_t max_rows, source_poll& out) {
  if (followers_.empty() || max_rows == 0)
    return;
  budget left{max_rows};
  auto records_before = out.records;
  // Every stream gets its share of the poll, and what some leave goes to the others.
  for (bool more = true; more && !left.spent();) {
    more = false;
    auto furthest = limit(clock::now());
    auto share = std::max<size_t>(left.rows / followers_.size(), 1);
    for (size_t i = 0; i < followers_.size() && !left.spent(); ++i) {
      auto& from = *followers_[(cursor_ + i) % followers_.size()];
      if (from.ended())
        continue;
      if (from.max_time() > furthest) {
        metrics_.held_back.Increment();
        continue;
      }
      more |= read_stream(from, std::min(share, left.rows), left, out);
    }
    if (builder_.memory() >= max_batch_bytes)
      break;
  }
  cursor_ = (cursor_ + 1) % followers_.size();
  metrics_.records.Increment(static_cast<double>(out.records - records_before));
}

event_time source_reader::limit(clock::time_point now) {
  views_.clear();
  for (const auto& x : followers_)
    views_.push_back({x->max_time(), x->caught_up() || x->ended(), x->heard_at()});
  return read_limit(views_, now, settings_.max_lead, schema_->time.idle_after);
}

bool source_reader::read_stream(stream_follower& from, size_t count, budget& left,
                                source_poll& out) {
  auto now = clock::now();
  bool any = false;
  while (count > 0 && !left.spent() && builder_.memory() < max_batch_bytes) {
    const auto* x = from.peek();
    if (x == nullptr) {
      from.advance(now, waiting_bytes());
      x = from.peek();
    }
    if (!from.fatal().empty())
      fatal_ = from.fatal();
    if (x == nullptr)
      break;
    auto newest = builder_.size();
    take(from, *x, left, out);
    from.pass(builder_.size() > newest ? builder_.last_time() : beginning_of_time, now);
    ++out.records;
    any = true;
    --count;
    left.rows -= std::min<size_t>(left.rows, 1);
  }
  return any;
}

void source_reader::take(stream_follower& from, const read_batch::record& x, budget& left,
                         source_poll& out) {
  if (from.batch().is_command(x) || x.body.size == 0) {
    ++out.filtered;
    (x.body.size == 0 && !from.batch().is_command(x) ? metrics_.empty : metrics_.commands)
        .Increment();
    return;
  }
  metrics_.bytes.Increment(static_cast<double>(x.body.size));
  auto body = from.batch().view(x.body);
  std::optional<event_time> time;
  if (!schema_->time.field)
    time = event_time{std::chrono::milliseconds{x.timestamp_ms}};
  auto row = decoder_->decode_padded(body, time, builder_);
  if (row) {
    if (*row == record_decoder::outcome::filtered)
      ++out.filtered;
    return;
  }
  metrics_.unparsable.Increment();
  out.dead_letters.push_back({schema_->name, fmt::format("{}@{}", from.name(), x.number),
                              std::move(row.error().message),
                              std::string{body.substr(0, max_payload_kept)}});
  left.dead_letter_bytes += out.dead_letters.back().payload.size() + sizeof(dead_letter);
}

void source_reader::collect(source_poll& out) {
  size_t buffered = 0;
  for (auto& x : followers_) {
    buffered += x->memory();
    if (!x->take_moved())
      continue;
    if (auto progress = x->progress())
      out.progress.push_back(std::move(*progress));
  }
  out.revoked.insert(out.revoked.end(), revoked_.begin(), revoked_.end());
  revoked_.clear();
  metrics_.buffered.Set(static_cast<double>(buffered));
  metrics_.streams.Set(static_cast<double>(followers_.size()));
}

/// A stream that fails may hold more, so it is waited for; but when it alone has failed for so long
/// while another was read all the time, it is that stream's trouble, and the rest goes on.
void source_reader::collect_unread(clock::time_point now, source_poll& out) {
  auto long_ago = now - settings_.patience;
  auto others_work = std::any_of(followers_.begin(), followers_.end(), [&](const auto& x) {
    return x->healthy_since() && *x->healthy_since() <= long_ago;
  });
  size_t left_out = 0;
  for (const auto& x : followers_) {
    if (others_work && x->failing_since() && *x->failing_since() <= long_ago)
      ++left_out;
    else if (!x->ended() && (!x->caught_up() || x->failing_since()))
      out.unread.push_back(x->name());
  }
  metrics_.left_out.Set(static_cast<double>(left_out));
}

std::vector<std::string> source_reader::partitions() const {
  std::vector<std::string> out;
  for (const auto& x : followers_)
    out.push_back(x->name());
  return out;
}

void source_reader::interrupt() noexcept {
  interrupted_ = true;
  transfers_.wake_up();
}

void source_reader::stop() {
  followers_.clear();
}

} // namespace keyfold::s2
