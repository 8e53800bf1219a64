#include "connectors/postgres/replicated_table.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace keyfold::postgres {

namespace {

constexpr std::chrono::milliseconds pause{500};
constexpr std::chrono::milliseconds longest_pause{30'000};
constexpr std::chrono::seconds answer_every{5};
/// Of the bytes that a row of the copy is: those of another one are not gone on with.
constexpr int version_of_rows = 1;

int64_t microseconds_since_2000() {
  using namespace std::chrono;
  constexpr auto epoch = sys_days{year{2000} / 1 / 1};
  return duration_cast<microseconds>(system_clock::now() - epoch).count();
}

/// The row with the unchanged values that `before` has: all of them where the identity is FULL.
pgoutput::row with_values_of(const std::optional<pgoutput::row>& before, pgoutput::row now) {
  if (before && before->size() == now.size())
    for (size_t i = 0; i < now.size(); ++i)
      if (now[i].is == pgoutput::value::kind::unchanged
          && (*before)[i].is == pgoutput::value::kind::text)
        now[i] = (*before)[i];
  return now;
}

} // namespace

replication_metrics::replication_metrics(metrics_registry& registry, const std::string& table)
    : changes(make_counter(registry, "keyfold_postgres_table_changes_total",
                           "Rows changed by replication.", {{"table", table}})),
      snapshots(make_counter(registry, "keyfold_postgres_table_snapshots_total",
                             "Times that the whole table was read.", {{"table", table}})),
      resumes(make_counter(registry, "keyfold_postgres_table_resumes_total",
                           "Times that replication went on at the position of the copy.",
                           {{"table", table}})),
      failures(make_counter(registry, "keyfold_postgres_table_failures_total",
                            "Queries and connections that failed.", {{"table", table}})),
      refused_rows(make_counter(registry, "keyfold_postgres_table_refused_rows_total",
                                "Rows left out, since the bound on rows or memory is reached.",
                                {{"table", table}})),
      bad_rows(make_counter(registry, "keyfold_postgres_table_bad_rows_total",
                            "Rows that could not be read; they count as missing.",
                            {{"table", table}})),
      waits(make_counter(registry, "keyfold_postgres_table_waits_total",
                         "Times that replication had to wait, since the ledger was behind.",
                         {{"table", table}})),
      parts(make_counter(registry, "keyfold_postgres_table_parts_total",
                         "Parts of long transactions that were applied before their end.",
                         {{"table", table}})),
      rows(make_gauge(registry, "keyfold_table_rows", "Rows of the table.", {{"table", table}})),
      bytes(make_gauge(registry, "keyfold_table_bytes",
                       "Memory of the table's rows, without what views derive from them.",
                       {{"table", table}})),
      lag(make_gauge(registry, "keyfold_postgres_table_lag_bytes",
                     "Log of the server that is not in the copy yet.", {{"table", table}})) {}

replicated_table::replicated_table(replication_settings settings, std::shared_ptr<table_copy> held,
                                   std::shared_ptr<metrics_registry> registry,
                                   std::shared_ptr<dead_letter_queue> letters)
    : settings_(std::move(settings)), held_(std::move(held)), registry_(std::move(registry)),
      queue_(std::move(letters)), metrics_(*registry_, settings_.table.name),
      connection_(
          [this] {
            auto with = settings_.table.connection;
            with.replication = true;
            return with;
          }(),
          interrupted_),
      reader_(settings_.table) {}

replicated_table::~replicated_table() {
  stop();
}

/// What the rows in the ledger are: another server, table, slot or columns make another text.
std::string replicated_table::identity() const {
  auto text = fmt::format("{}\n{}\n{}\n{}\n{}", version_of_rows, server_, settings_.table.table,
                          catalogued_, settings_.slot);
  for (const auto& field : settings_.table.schema->fields)
    text += '\n' + field.name + '\t' + column_of(field) + '\t' + to_string(field.type)
            + (field.nullable ? "?" : "");
  for (auto number : settings_.table.key)
    text += '\n' + std::to_string(number);
  uint64_t out = 14695981039346656037u; // FNV-1a
  for (auto c : text)
    out = (out ^ static_cast<uint8_t>(c)) * 1099511628211u;
  return fmt::format("{:016x}", out);
}

// --- following -----------------------------------------------------------------------------------

void replicated_table::start() {
  thread_ = std::thread{[this] { follow(); }};
}

void replicated_table::stop() {
  stopping_ = true;
  interrupted_.raise();
  if (thread_.joinable())
    thread_.join();
}

void replicated_table::follow() {
  ::pthread_setname_np(::pthread_self(), ("table " + settings_.table.name).substr(0, 15).c_str());
  following_ = true;
  std::string said;
  auto patience = pause;
  while (!stopping_) {
    auto done = connection_.is_open() ? follow_once() : begin();
    if (done) {
      said.clear();
      patience = pause;
      continue;
    }
    connection_.close();
    if (stopping_)
      break;
    metrics_.failures.Increment();
    if (done.error().message != said)
      spdlog::warn("table {}: {}; the rows stay as they are", settings_.table.name,
                   done.error().message);
    said = done.error().message;
    // What only a person can mend may be found out by reading all of the table.
    auto wants_person = done.error().kind == failure_kind::person;
    patience = wants_person ? std::min(2 * patience, longest_pause) : pause;
    for (auto until = clock::now() + patience; clock::now() < until && !stopping_;)
      std::this_thread::sleep_for(pause / 10);
  }
  if (connection_.is_open())
    static_cast<void>(answer());
}

/// Whether more can be taken from the server: letters and deleted rows that wait for the ledger are
/// bounded.
bool replicated_table::has_room() {
  if (!letters_.empty() && queue_ != nullptr && !queue_->offer(letters_))
    return false;
  auto waited = std::exchange(waits_, held_->crowded());
  if (waits_ && !waited)
    metrics_.waits.Increment();
  return !waits_;
}

outcome<void> replicated_table::follow_once() {
  if (clock::now() - looked_at_ >= settings_.look_every)
    if (auto same = look_again(); !same)
      return same;
  auto due = clock::now() - answered_at_ >= answer_every;
  if (!has_room()) {
    std::this_thread::sleep_for(pause / 10);
    return due ? answer() : outcome<void>{};
  }
  auto bytes = connection_.copied(std::chrono::milliseconds{200});
  if (!bytes)
    return tl::unexpected{bytes.error()};
  if (!bytes->empty()) {
    auto message = pgoutput::parse_stream(*bytes);
    if (!message)
      return try_again("the server sent what is no message of replication");
    if (auto* data = std::get_if<pgoutput::log_data>(&*message)) {
      if (auto done = handle(*data); !done)
        return done;
    } else {
      const auto& alive = std::get<pgoutput::keepalive>(*message);
      // Nothing of the table is before it that has not come.
      if (!in_transaction_ && alive.end > position_)
        reach(alive.end);
      metrics_.lag.Set(static_cast<double>(alive.end - std::min(alive.end, position_)));
      if (alive.wants_answer)
        due = true;
    }
  }
  return due ? answer() : outcome<void>{};
}

outcome<void> replicated_table::handle(const pgoutput::log_data& x) {
  auto message = pgoutput::parse_message(x.message);
  if (!message)
    return try_again("the server sent a change that cannot be read");
  metrics_.lag.Set(static_cast<double>(x.end - std::min(x.end, position_)));
  return handle_change(*message);
}

/// A row that cannot be read counts as missing: what it was before is no answer any more.
void replicated_table::put(const pgoutput::row& now, const change_reader::old_row& old) {
  std::string why;
  table_copy::step made;
  if (!reader_.put(now, old, made, why))
    bad_row(why);
  if (!made.key.empty())
    steps_.push(std::move(made));
}

/// Returns the row, if it is `wanted`.
std::optional<std::string> replicated_table::erase(const pgoutput::row& before, bool wanted) {
  std::string why;
  table_copy::step made;
  if (!reader_.erase(before, made, why)) {
    bad_row(why);
    return std::nullopt;
  }
  auto gone = wanted ? steps_.row(made.key, *held_) : std::nullopt;
  steps_.push(std::move(made));
  return gone;
}

/// Long values that stay as they are do not come, also where the key is another.
outcome<void> replicated_table::update(const pgoutput::update& x) {
  if (!reader_.lacks_values(x.now)) {
    if (x.before)
      erase(*x.before, false);
    put(x.now, [](const std::string&) { return std::nullopt; });
    return {};
  }
  auto now = with_values_of(x.before, x.now);
  auto kept = reader_.lacks_values(now);
  // The row of the copy may be a later one under this key, with another's long value.
  if (kept && replayed_) {
    read_anew_ = true;
    return try_again(
        "changes come again, one of them without its long values, of which the copy may "
        "have later ones: the table is read anew");
  }
  if (x.before) {
    auto moved = erase(*x.before, kept); // also where the key is as it was
    put(now, [&](const std::string&) { return moved; });
  } else {
    put(now, [&](const std::string& key) { return steps_.row(key, *held_); });
  }
  return {};
}

outcome<void> replicated_table::handle_change(const pgoutput::message& x) {
  if (const auto* begun = std::get_if<pgoutput::begin>(&x)) {
    in_transaction_ = true;
    commit_ = begun->commit;
    replayed_ = commit_ < held_->ahead();
  } else if (const auto* end = std::get_if<pgoutput::commit>(&x)) {
    commit(end->end);
  } else if (const auto* relation = std::get_if<pgoutput::relation>(&x)) {
    std::string why;
    if (!reader_.see(*relation, why))
      return needs_person(why);
  } else if (const auto* inserted = std::get_if<pgoutput::insert>(&x)) {
    if (reader_.knows(inserted->relation))
      put(inserted->now, [](const std::string&) { return std::nullopt; });
  } else if (const auto* updated = std::get_if<pgoutput::update>(&x)) {
    if (reader_.knows(updated->relation))
      if (auto done = update(*updated); !done)
        return done;
  } else if (const auto* erased = std::get_if<pgoutput::erase>(&x)) {
    if (reader_.knows(erased->relation))
      erase(erased->before, false);
  } else if (const auto* emptied = std::get_if<pgoutput::truncate>(&x)) {
    for (auto relation_number : emptied->relations)
      if (reader_.knows(relation_number))
        steps_.push({table_copy::step::kind::clear, {}, {}});
  }
  if (steps_.full()) {
    metrics_.parts.Increment();
    apply(commit_ + 1);
  }
  return {};
}

void replicated_table::bad_row(const std::string& why) {
  metrics_.bad_rows.Increment();
  letters_.push_back({"table " + settings_.table.name, settings_.table.table, why, ""});
}

void replicated_table::commit(pgoutput::lsn end) {
  apply(end);
  in_transaction_ = false;
  reach(std::max(position_, end));
}

void replicated_table::reach(pgoutput::lsn position) {
  position_ = position;
  held_->reached(position);
}

void replicated_table::apply(pgoutput::lsn before) {
  if (steps_.size() == 0)
    return;
  metrics_.changes.Increment(static_cast<double>(steps_.size()));
  auto refused = held_->apply(steps_.take(), before);
  if (refused != 0) {
    metrics_.refused_rows.Increment(static_cast<double>(refused));
    spdlog::warn("table {}: {} rows are left out: raise `max_rows` or `max_memory`",
                 settings_.table.name, refused);
  }
  metrics_.rows.Set(static_cast<double>(held_->rows()));
  metrics_.bytes.Set(static_cast<double>(held_->bytes()));
}

/// Tells the server what it need not keep: what is in the ledger.
outcome<void> replicated_table::answer() {
  std::string status;
  pgoutput::append_status(position_, held_->durable(), microseconds_since_2000(), status);
  answered_at_ = clock::now();
  return connection_.send_copy(status);
}

} // namespace keyfold::postgres
