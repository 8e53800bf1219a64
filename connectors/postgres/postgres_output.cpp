#include "connectors/postgres/postgres_output.hpp"

#include "connectors/postgres/catalog.hpp"
#include "connectors/postgres/output_statements.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <charconv>

namespace keyfold::postgres {

namespace {

constexpr size_t max_batch_bytes = 4u << 20;
/// Statements that are sent before the answer of the first is read: the server works on one while
/// the next is made, and what waits has a bound.
constexpr size_t max_unanswered = 4;
/// The answer that tells whether the marker was moved: after those of BEGIN and of SET CONSTRAINTS.
constexpr size_t marker_place = 2;

uint64_t epoch_in(const result_ptr& x) {
  uint64_t out = 0;
  if (PQntuples(x.get()) != 0) {
    std::string_view text{PQgetvalue(x.get(), 0, 0)};
    std::from_chars(text.data(), text.data() + text.size(), out);
  }
  return out;
}

} // namespace

postgres_output::postgres_output(output_settings settings,
                                 std::shared_ptr<metrics_registry> registry,
                                 std::shared_ptr<dead_letter_queue> letters)
    : settings_(std::move(settings)), wanted_(*written_columns(settings_.columns)),
      metrics_(std::move(registry), settings_.name), queue_(std::move(letters)),
      connection_(settings_.connection, interrupted_) {}

postgres_output::~postgres_output() = default;

component_status postgres_output::status() const {
  std::lock_guard guard{status_mutex_};
  return status_;
}

template <class T>
result<T> postgres_output::report(outcome<T> done) {
  std::lock_guard guard{status_mutex_};
  if (done) {
    status_ = {};
    if constexpr (std::is_void_v<T>)
      return {};
    else
      return std::move(*done);
  }
  auto sentence = fmt::format("output `{}`, table {}: {}", settings_.name, settings_.table,
                              done.error().message);
  status_ = {false, sentence};
  return fail(std::move(sentence));
}

tl::unexpected<failure> postgres_output::refuse(std::string message) {
  fatal_ = true;
  return needs_person(std::move(message));
}

// --- opening -------------------------------------------------------------------------------------

result<uint64_t> postgres_output::open() {
  fatal_ = false;
  auto opened = open_table();
  if (!opened)
    connection_.close();
  return report(std::move(opened));
}

outcome<uint64_t> postgres_output::open_table() {
  if (!connection_.is_open())
    if (auto connected = connection_.open(); !connected)
      return tl::unexpected{connected.error()};
  if (auto prepared = prepare_table(); !prepared)
    return tl::unexpected{prepared.error()};
  return read_marker();
}

outcome<void> postgres_output::prepare_table() {
  if (settings_.create_table) {
    auto made = connection_.run(create_table_sql(settings_.table, wanted_));
    if (!made)
      return tl::unexpected{made.error()};
  }
  auto table = describe_table(connection_, settings_.table);
  if (!table)
    return tl::unexpected{table.error()};
  if (!*table)
    return needs_person(fmt::format("there is no such table: {}, or let the output do it by "
                                    "`\"create_table\": true`",
                                    create_table_sql(settings_.table, wanted_)));
  auto columns = bind_columns(wanted_, **table);
  if (!columns)
    return needs_person(columns.error().message);
  if (auto prepared = connection_.run("DEALLOCATE ALL"); !prepared)
    return tl::unexpected{prepared.error()};
  if (auto prepared = connection_.prepare(upsert_name, upsert_sql(**table, *columns)); !prepared)
    return prepared;
  has_deletes_ = wanted_.front().is_key && !settings_.columns.events;
  if (has_deletes_)
    if (auto prepared = connection_.prepare(delete_name, delete_sql(**table, *columns)); !prepared)
      return prepared;
  marker_table_ = settings_.marker_table.empty() ? quoted_name((*table)->schema) + ".keyfold_epochs"
                                                 : settings_.marker_table;
  batch_ = std::make_unique<row_batch>(std::move(*columns));
  return {};
}

outcome<uint64_t> postgres_output::read_marker() {
  auto sql = fmt::format("CREATE TABLE IF NOT EXISTS {} (pipeline text, output text, "
                         "epoch bigint NOT NULL, committed_at timestamptz NOT NULL DEFAULT now(), "
                         "PRIMARY KEY (pipeline, output))",
                         marker_table_);
  auto there = connection_.run(fmt::format("SELECT 1 FROM {} LIMIT 0", marker_table_));
  if (!there && there.error().code == "42P01") {
    if (auto made = connection_.run(sql); !made && made.error().code != "23505")
      return tl::unexpected{failure{
          made.error().kind, made.error().code,
          fmt::format("the table of epochs cannot be made: {}; make it by hand: {}, and GRANT "
                      "SELECT, INSERT, UPDATE ON it",
                      made.error().message, sql)}};
  } else if (!there) {
    return tl::unexpected{there.error()};
  }
  const parameter mine[] = {{settings_.pipeline}, {settings_.name}};
  auto begun = connection_.run(
      fmt::format("INSERT INTO {} VALUES ($1, $2, 0) ON CONFLICT DO NOTHING", marker_table_), mine);
  if (!begun)
    return tl::unexpected{begun.error()};
  auto read = connection_.run(
      fmt::format("SELECT epoch FROM {} WHERE pipeline = $1 AND output = $2", marker_table_), mine);
  if (!read)
    return tl::unexpected{read.error()};
  marker_ = epoch_in(*read);
  // Only from the epoch that was read: who else moves it, or moved it meanwhile, is noticed.
  auto prepared = connection_.prepare(
      marker_name, fmt::format("UPDATE {} SET epoch = $3::bigint, committed_at = now() WHERE "
                               "pipeline = $1 AND output = $2 AND epoch = $4::bigint",
                               marker_table_));
  if (!prepared)
    return tl::unexpected{prepared.error()};
  return marker_;
}

// --- publishing ----------------------------------------------------------------------------------

result<void> postgres_output::publish(uint64_t epoch, std::string_view log) {
  auto begun = connection::clock::now();
  auto done = write(epoch, log);
  if (!done) {
    metrics_.failed.Increment();
    connection_.close(); // whatever the server has of it is rolled back
    return report(std::move(done));
  }
  marker_ = epoch;
  metrics_.committed.Increment();
  metrics_.upserts.Increment(static_cast<double>(tally_.upserts));
  metrics_.deletes.Increment(static_cast<double>(tally_.deletes));
  metrics_.replaced.Increment(static_cast<double>(tally_.replaced));
  metrics_.dead_letters.Increment(static_cast<double>(refusals_.size()));
  metrics_.publish_seconds.Observe(
      std::chrono::duration<double>(connection::clock::now() - begun).count());
  return report(std::move(done));
}

std::vector<parameter> postgres_output::marker_parameters() const {
  return {{settings_.pipeline}, {settings_.name}, {epoch_text_}, {marker_text_}};
}

outcome<void> postgres_output::check_moved(const result_ptr& marker) const {
  if (std::string_view{PQcmdTuples(marker.get())} == "1")
    return {};
  return tl::unexpected{
      failure{failure_kind::transient, "",
              fmt::format("epoch {} is no longer the last one in {}: another process publishes for "
                          "`{}`/`{}`, or an earlier attempt has arrived after all",
                          marker_, marker_table_, settings_.pipeline, settings_.name)}};
}

outcome<void> postgres_output::write(uint64_t epoch, std::string_view log) {
  if (batch_ == nullptr || !connection_.is_open())
    return tl::unexpected{failure{failure_kind::transient, "", "not connected"}};
  if (epoch <= marker_)
    return refuse(fmt::format("epoch {} cannot follow epoch {}, which {} holds already: is the "
                              "ledger older than the table?",
                              epoch, marker_, marker_table_));
  epoch_text_ = std::to_string(epoch);
  marker_text_ = std::to_string(marker_);
  refusals_.clear();
  auto done = write_fast(log);
  if (done
      || (done.error().kind != failure_kind::of_row && done.error().kind != failure_kind::of_batch))
    return done;
  spdlog::warn("output {}: epoch {}: rows are refused ({}); they are looked for", settings_.name,
               epoch, done.error().message);
  metrics_.bisected.Increment();
  return write_slow(epoch, log);
}

outcome<void> postgres_output::each_batch(std::string_view log,
                                          const std::function<outcome<void>()>& full) {
  batch_->clear();
  tally_ = {};
  auto take = [&] {
    tally_.deletes += batch_->erased();
    tally_.upserts += batch_->size() - batch_->erased();
    tally_.replaced += batch_->replaced();
    auto done = full();
    batch_->clear();
    return done;
  };
  change_log_reader reader{log};
  change x;
  for (uint64_t number = 0; reader.next(x); ++number) {
    if (x.source != 0 || !fits(x, settings_.columns) || (x.erased && !has_deletes_)
        || !batch_->add(x, number))
      return refuse("the outbox in the ledger has a change that does not fit what the definition "
                    "sends here: start once with the definition that wrote it");
    if (batch_->length() < settings_.batch_rows && batch_->bytes() < max_batch_bytes)
      continue;
    if (auto done = take(); !done)
      return done;
  }
  if (!reader.good())
    return refuse("the outbox in the ledger is malformed: restore the ledger from a backup");
  return batch_->size() == 0 ? outcome<void>{} : take();
}

outcome<void> postgres_output::write_fast(std::string_view log) {
  if (auto begun = connection_.begin_pipeline(); !begun)
    return begun;
  unanswered_ = 0;
  answered_ = 0;
  auto done = fill_pipeline(log);
  if (!connection_.is_open())
    return done;
  // Only now, since the marker is known to have been moved.
  if (done)
    done = connection_.send_sql("COMMIT");
  auto ended = connection_.end_pipeline();
  if (done)
    return ended;
  if (connection_.is_open())
    if (auto undone = connection_.run("ROLLBACK"); !undone)
      return tl::unexpected{undone.error()};
  return done;
}

outcome<void> postgres_output::fill_pipeline(std::string_view log) {
  auto sent = connection_.send_sql("BEGIN");
  if (sent)
    sent = connection_.send_sql(immediate_constraints);
  if (sent)
    sent = connection_.send(marker_name, marker_parameters());
  if (!sent)
    return sent;
  unanswered_ = 3;
  if (sent = each_batch(log, [this] { return send_batch(); }); !sent)
    return sent;
  if (sent = connection_.ask_for_answers(); !sent)
    return sent;
  return read_answers(0);
}

outcome<void> postgres_output::send_batch() {
  auto send = [this](const char* name, const std::vector<std::string>& arrays) -> outcome<void> {
    if (arrays.empty())
      return {};
    metrics_.statements.Increment();
    ++unanswered_;
    return connection_.send(name, array_parameters(arrays));
  };
  if (auto sent = send(delete_name, batch_->deletes(0, batch_->length())); !sent)
    return sent;
  if (auto sent = send(upsert_name, batch_->upserts(0, batch_->length())); !sent)
    return sent;
  if (auto asked = connection_.ask_for_answers(); !asked)
    return asked;
  return read_answers(max_unanswered);
}

/// Reads the answers of the oldest statements, until so many are left.
outcome<void> postgres_output::read_answers(size_t leave) {
  while (unanswered_ > leave) {
    auto answer = connection_.answer();
    if (!answer)
      return tl::unexpected{answer.error()};
    --unanswered_;
    if (answered_++ == marker_place)
      if (auto moved = check_moved(*answer); !moved)
        return moved;
  }
  return {};
}

result<std::unique_ptr<event_output>>
make_postgres_output(output_settings settings, std::shared_ptr<metrics_registry> registry,
                     std::shared_ptr<dead_letter_queue> letters) {
  auto sound = check_settings(settings.connection);
  if (!sound)
    return fail(fmt::format("output `{}`: {}", settings.name, sound.error().message));
  if (auto columns = written_columns(settings.columns); !columns)
    return fail(fmt::format("output `{}`: {}", settings.name, columns.error().message));
  return std::make_unique<postgres_output>(std::move(settings), std::move(registry),
                                           std::move(letters));
}

} // namespace keyfold::postgres
