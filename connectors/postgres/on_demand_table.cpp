#include "connectors/postgres/on_demand_table.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace keyfold::postgres {

namespace {

constexpr std::chrono::milliseconds most_waiting{100};
constexpr size_t keys_at_once = 2000;
constexpr std::chrono::milliseconds first_pause{100};
constexpr std::chrono::milliseconds longest_pause{5000};
constexpr const char* statement = "keyfold_lookup";

/// Rows by the number of their key among those asked for.
std::string lookup_sql(const catalog_table& table, const stream_schema& schema,
                       const std::vector<bound_column>& key) {
  std::string columns;
  for (const auto& x : schema.fields)
    columns += ", t." + quoted_name(column_of(x));
  std::string arrays;
  std::string names;
  std::string same;
  for (size_t i = 0; i < key.size(); ++i) {
    arrays += fmt::format("{}${}::{}[]", i == 0 ? "" : ", ", i + 1, element_name(key[i].as));
    names += fmt::format("c{}, ", i);
    same += fmt::format("{}t.{} = x.c{}{}", i == 0 ? "" : " AND ", quoted_name(key[i].from.name), i,
                        key[i].cast);
  }
  return fmt::format("SELECT x.i{} FROM unnest({}) WITH ORDINALITY AS x({}i) JOIN {}.{} AS t ON {}",
                     columns, arrays, names, quoted_name(table.schema), quoted_name(table.name),
                     same);
}

} // namespace

on_demand_metrics::on_demand_metrics(metrics_registry& registry, const std::string& table)
    : hits(make_counter(registry, "keyfold_postgres_table_hits_total",
                        "Keys looked up that were known.", {{"table", table}})),
      misses(make_counter(registry, "keyfold_postgres_table_misses_total",
                          "Keys that the server had to be asked for.", {{"table", table}})),
      queries(make_counter(registry, "keyfold_postgres_table_queries_total", "Queries answered.",
                           {{"table", table}})),
      failed_queries(make_counter(registry, "keyfold_postgres_table_failures_total",
                                  "Queries and connections that failed.", {{"table", table}})),
      evicted(make_counter(registry, "keyfold_postgres_table_evictions_total",
                           "Keys let go of, since the bound on keys or memory was reached.",
                           {{"table", table}})),
      bad_rows(make_counter(registry, "keyfold_postgres_table_bad_rows_total",
                            "Rows that could not be read; they count as missing.",
                            {{"table", table}})),
      keys(make_gauge(registry, "keyfold_postgres_table_keys", "Keys known.", {{"table", table}})),
      bytes(make_gauge(registry, "keyfold_postgres_table_bytes", "Memory of the keys known.",
                       {{"table", table}})),
      query_seconds(prometheus::BuildHistogram()
                        .Name("keyfold_postgres_table_query_seconds")
                        .Help("Time of a query for keys.")
                        .Register(registry)
                        .Add({{"table", table}}, prometheus::Histogram::BucketBoundaries{
                                                     0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                                     0.25, 0.5, 1, 2.5, 5, 10})) {}

on_demand_table::on_demand_table(on_demand_settings settings,
                                 std::shared_ptr<const lookup_table> behind,
                                 std::shared_ptr<metrics_registry> registry,
                                 std::shared_ptr<dead_letter_queue> letters)
    : settings_(std::move(settings)), declared_(std::move(behind)), registry_(std::move(registry)),
      queue_(std::move(letters)), metrics_(*registry_, settings_.table.name),
      connection_(settings_.table.connection, interrupted_), cache_(settings_.bounds) {}

on_demand_table::~on_demand_table() {
  stop();
}

// --- those who look up ---------------------------------------------------------------------------

bool on_demand_table::look_up(const lookup_request& x) {
  auto until = clock::now() + most_waiting;
  std::unique_lock guard{mutex_};
  for (auto first = true; !answer(x, clock::now()); first = false) {
    asked_.notify_one();
    if (!first && !problem_.empty())
      return false;
    if (answered_.wait_until(guard, until) == std::cv_status::timeout)
      return answer(x, clock::now());
  }
  metrics_.hits.Increment(static_cast<double>(x.found.size()));
  metrics_.evicted.Increment(static_cast<double>(cache_.trim()));
  metrics_.keys.Set(static_cast<double>(cache_.size()));
  metrics_.bytes.Set(static_cast<double>(cache_.bytes()));
  return true;
}

/// Whether all keys are known: then the answers are filled in. Else the others are asked for.
bool on_demand_table::answer(const lookup_request& x, clock::time_point now) {
  auto width = declared_->key().size();
  auto fields = x.fields.size();
  auto all = true;
  std::vector<cell> cells(declared_->columns().size());
  arena memory;
  for (size_t i = 0; i < x.found.size(); ++i) {
    auto key = x.keys.subspan(i * width, width);
    x.found[i] = 0;
    std::fill_n(x.values.begin() + static_cast<ptrdiff_t>(i * fields), fields, cell{});
    if (std::any_of(key.begin(), key.end(), [](const auto& part) { return part.is_null(); }))
      continue;
    auto bytes = key_bytes(key);
    const auto* known = cache_.find(bytes, now);
    if (known == nullptr) {
      all = false;
      if (is_wanted_.try_emplace(bytes, true).second)
        wanted_.push_back(std::move(bytes));
      continue;
    }
    if (!known->found || !all)
      continue;
    x.found[i] = 1;
    memory.clear();
    byte_reader reader{known->cells};
    for (auto& value : cells)
      value = reader.value(memory);
    for (size_t field = 0; field < fields; ++field)
      x.values[i * fields + field] = x.text.copy(cells[x.fields[field]]);
  }
  return all;
}

std::string on_demand_table::problem() const {
  std::lock_guard guard{mutex_};
  return problem_.empty() ? fmt::format("the table `{}` has not answered yet", name())
                          : fmt::format("table `{}`: {}", name(), problem_);
}

// --- the thread that asks ------------------------------------------------------------------------

void on_demand_table::start() {
  thread_ = std::thread{[this] { work(); }};
}

void on_demand_table::stop() {
  {
    std::lock_guard guard{mutex_};
    stopping_ = true;
  }
  interrupted_.raise();
  asked_.notify_all();
  if (thread_.joinable())
    thread_.join();
}

void on_demand_table::work() {
  ::pthread_setname_np(::pthread_self(), ("table " + name()).substr(0, 15).c_str());
  auto pause = first_pause;
  std::vector<std::string> keys;
  std::unique_lock guard{mutex_};
  for (;;) {
    asked_.wait(guard, [this] { return stopping_ || !wanted_.empty(); });
    if (stopping_)
      return;
    auto count = std::min(keys_at_once, wanted_.size());
    keys.assign(wanted_.begin(), wanted_.begin() + static_cast<ptrdiff_t>(count));
    guard.unlock();
    auto good = connect();
    if (good)
      if (auto fetched = fetch(keys); !fetched) {
        set_problem(fetched.error().message);
        connection_.close();
        good = false;
      }
    hand_over_letters();
    guard.lock();
    if (good) {
      // Those who look up may have appended some meanwhile, behind these.
      for (const auto& key : keys)
        is_wanted_.erase(key);
      wanted_.erase(wanted_.begin(), wanted_.begin() + static_cast<ptrdiff_t>(count));
      problem_.clear();
      pause = first_pause;
    }
    answered_.notify_all();
    if (!good) {
      asked_.wait_for(guard, pause, [this] { return stopping_; });
      pause = std::min(longest_pause, 2 * pause);
    }
  }
}

void on_demand_table::set_problem(std::string sentence) {
  metrics_.failed_queries.Increment();
  std::lock_guard guard{mutex_};
  if (problem_ != sentence)
    spdlog::warn("table {}: {}", name(), sentence);
  problem_ = std::move(sentence);
}

bool on_demand_table::connect() {
  if (connection_.is_open())
    return true;
  auto failed = [this](const failure& x) {
    set_problem(x.message);
    connection_.close();
    return false;
  };
  if (auto opened = connection_.open(); !opened)
    return failed(opened.error());
  catalog_table found;
  auto key = check_table(connection_, settings_.table, found);
  if (!key)
    return failed(key.error());
  key_columns_ = std::move(*key);
  auto prepared =
      connection_.prepare(statement, lookup_sql(found, *settings_.table.schema, key_columns_));
  return prepared || failed(prepared.error());
}

outcome<void> on_demand_table::fetch(std::span<const std::string> keys) {
  auto begun = clock::now();
  auto rows = ask(keys);
  if (rows) {
    metrics_.queries.Increment();
    metrics_.query_seconds.Observe(std::chrono::duration<double>(clock::now() - begun).count());
    keep(keys, *rows);
    return {};
  }
  if (rows.error().kind != failure_kind::of_row)
    return tl::unexpected{rows.error()};
  // A key that the server cannot even compare with: not a UUID, say.
  if (keys.size() == 1) {
    std::lock_guard guard{mutex_};
    cache_.put(keys.front(), false, {}, clock::now() + settings_.keep_missing);
    return {};
  }
  auto half = keys.size() / 2;
  if (auto first = fetch(keys.first(half)); !first)
    return first;
  return fetch(keys.subspan(half));
}

outcome<result_ptr> on_demand_table::ask(std::span<const std::string> keys) {
  std::vector<std::string> arrays(key_columns_.size());
  for (size_t i = 0; i < arrays.size(); ++i)
    append_array_header(static_cast<uint32_t>(keys.size()), true, key_columns_[i].as, arrays[i]);
  arena memory;
  for (const auto& key : keys) {
    memory.clear();
    byte_reader reader{key};
    for (size_t i = 0; i < arrays.size(); ++i)
      append_element(reader.value(memory), key_columns_[i].as, key_columns_[i].from.type,
                     arrays[i]);
  }
  std::vector<parameter> parameters;
  for (const auto& x : arrays)
    parameters.push_back({x, true});
  return connection_.run_prepared(statement, parameters);
}

void on_demand_table::keep(std::span<const std::string> keys, const result_ptr& rows) {
  const auto& schema = *settings_.table.schema;
  auto now = clock::now();
  std::vector<uint8_t> found(keys.size());
  std::vector<const char*> texts(schema.fields.size());
  std::vector<int> sizes(schema.fields.size());
  std::vector<cell> cells;
  std::string why;
  arena memory;
  std::lock_guard guard{mutex_};
  metrics_.misses.Increment(static_cast<double>(keys.size()));
  for (int row = 0; row < PQntuples(rows.get()); ++row) {
    size_t number = 0;
    std::string_view text{PQgetvalue(rows.get(), row, 0)};
    std::from_chars(text.data(), text.data() + text.size(), number);
    if (number == 0 || number > keys.size())
      continue;
    for (int i = 0; i < static_cast<int>(texts.size()); ++i) {
      auto null = PQgetisnull(rows.get(), row, i + 1) != 0;
      texts[static_cast<size_t>(i)] = null ? nullptr : PQgetvalue(rows.get(), row, i + 1);
      sizes[static_cast<size_t>(i)] = PQgetlength(rows.get(), row, i + 1);
    }
    memory.clear();
    if (!read_row(schema, texts, sizes, memory, cells, why)) {
      metrics_.bad_rows.Increment();
      letters_.push_back({"table " + name(), settings_.table.table, why, ""});
      continue;
    }
    found[number - 1] = 1;
    cache_.put(keys[number - 1], true, cells, now + settings_.keep);
  }
  for (size_t i = 0; i < keys.size(); ++i)
    if (found[i] == 0)
      cache_.put(keys[i], false, {}, now + settings_.keep_missing);
}

/// Waits for room: nothing else is asked for before, so what waits has a bound.
void on_demand_table::hand_over_letters() {
  while (!letters_.empty() && queue_ != nullptr && !queue_->offer(letters_)) {
    std::unique_lock guard{mutex_};
    if (asked_.wait_for(guard, first_pause, [this] { return stopping_; }))
      return;
  }
}

} // namespace keyfold::postgres
