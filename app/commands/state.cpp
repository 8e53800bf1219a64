#include "app/commands/state.hpp"

#include "app/key_features.hpp"
#include "app/table.hpp"
#include "config/plan.hpp"
#include "connectors/postgres/pgoutput.hpp"
#include "features/timestamp_format.hpp"
#include "messages/table_source.hpp"
#include "store/ledger.hpp"

#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <sstream>

namespace keyfold {

namespace {

using store::ledger;

template <class T>
result<T> from_ledger(store::ledger_result<T> x) {
  if (!x)
    return fail(x.error().message);
  if constexpr (std::is_void_v<T>)
    return {};
  else
    return std::move(*x);
}

std::string time_text(int64_t microseconds) {
  event_time at{duration{microseconds}};
  return is_timestamp(at) ? format_rfc3339(at) : "";
}

std::string size_text(uint64_t bytes) {
  constexpr double mebibyte = 1 << 20;
  return bytes < 1 << 20 ? fmt::format("{} bytes", bytes)
                         : fmt::format("{:.1f} MiB", static_cast<double>(bytes) / mebibyte);
}

/// How far a table has been followed, in the words of its server. All that are kept are of
/// PostgreSQL.
std::string table_position_text(int64_t next) {
  return postgres::pgoutput::lsn_text(static_cast<postgres::pgoutput::lsn>(next));
}

/// A ledger opened for inspection, and the definition if there is one.
class inspection {
public:
  static result<inspection> open(const state_options& options) {
    inspection x{options};
    store::open_options settings;
    settings.path = options.ledger;
    settings.read_only = true;
    if (!options.definition.empty()) {
      auto plan = read_plan(options.definition);
      if (!plan)
        return tl::unexpected(plan.error());
      x.plan_ = std::move(*plan);
      settings.application = x.plan_->application;
    }
    auto opened = from_ledger(ledger::open(settings));
    if (!opened)
      return tl::unexpected(opened.error());
    x.ledger_ = std::move(*opened);
    auto description = from_ledger(x.ledger_->describe());
    if (!description)
      return tl::unexpected(description.error());
    x.description_ = std::move(*description);
    return x;
  }

  result<void> print() {
    if (!options_.entity.empty()) {
      if (auto number = entity_number(); !number)
        return tl::unexpected(number.error());
      return options_.key.empty() ? print_keys() : print_key();
    }
    auto everything = !options_.positions && !options_.outbox;
    if (everything)
      if (auto done = print_summary(); !done)
        return done;
    if (everything || options_.positions)
      print_positions();
    if (everything || options_.outbox)
      return print_outbox();
    return {};
  }

private:
  explicit inspection(const state_options& options) : options_(options) {}

  static result<config::plan> read_plan(const std::string& file) {
    std::ifstream in{file};
    std::stringstream text;
    text << in.rdbuf();
    if (!in)
      return fail(fmt::format("{} cannot be read", file));
    auto plan = config::compile_plan(
        text.str(), file, [](const std::string& name) -> std::optional<std::string> {
          auto* value = std::getenv(name.c_str());
          return value == nullptr ? std::nullopt : std::optional<std::string>{value};
        });
    if (!plan)
      return fail(fmt::format("{}", fmt::join(plan.error().messages, "\n")));
    return std::move(*plan);
  }

  result<uint32_t> entity_number() const {
    auto& all = description_.entities;
    std::vector<std::string> names;
    std::copy_if(all.begin(), all.end(), std::back_inserter(names),
                 [](const auto& x) { return !is_kept_table_name(x); });
    if (std::find(names.begin(), names.end(), options_.entity) == names.end())
      return fail(fmt::format("the ledger has no entity \"{}\"; it has {}", options_.entity,
                              fmt::join(names, ", ")));
    return static_cast<uint32_t>(std::find(all.begin(), all.end(), options_.entity) - all.begin());
  }

  result<void> print_summary() {
    std::vector<uint64_t> keys(description_.entities.size()), bytes(keys.size());
    auto read = from_ledger(
        ledger_->for_each_key([&](uint32_t entity, std::string_view key, std::string_view state) {
          ++keys[entity];
          bytes[entity] += key.size() + state.size();
        }));
    if (!read)
      return read;
    auto statistics = ledger_->statistics();
    fmt::print("application {}, epoch {}\n", printable(description_.application),
               ledger_->last_epoch());
    fmt::print("{} on disk, {} not yet compacted, {} to be published\n\n",
               size_text(statistics.file_bytes), size_text(statistics.segment_bytes),
               size_text(statistics.outbox_bytes));
    print_entities(keys, bytes);
    print_tables(keys, bytes);
    return {};
  }

  void print_entities(const std::vector<uint64_t>& keys, const std::vector<uint64_t>& bytes) const {
    text_table entities{{"entity", "keys", "bytes of keys and states", "views"}};
    for (size_t i = 0; i < keys.size(); ++i) {
      if (is_kept_table_name(description_.entities[i]))
        continue;
      auto prefix = description_.entities[i] + "/";
      std::vector<std::string> views;
      for (auto& entry : description_.fingerprints)
        if (entry.first.rfind(prefix, 0) == 0)
          views.push_back(entry.first.substr(prefix.size()));
      entities.add({description_.entities[i], fmt::format("{}", keys[i]),
                    fmt::format("{}", bytes[i]), fmt::format("{}", fmt::join(views, ", "))});
    }
    entities.print();
    fmt::print("\n");
  }

  void print_tables(const std::vector<uint64_t>& rows, const std::vector<uint64_t>& bytes) const {
    text_table tables{{"table", "rows", "bytes of keys and rows", "followed up to"}};
    for (size_t i = 0; i < rows.size(); ++i) {
      auto& name = description_.entities[i];
      if (!is_kept_table_name(name))
        continue;
      std::string position = "not whole: read anew at the next start";
      for (auto& x : ledger_->positions())
        if (x.stream == name && x.partition != kept_table_ahead)
          position = table_position_text(x.next);
      tables.add({name.substr(kept_table_prefix.size()), fmt::format("{}", rows[i]),
                  fmt::format("{}", bytes[i]), position});
    }
    if (tables.size() == 0)
      return;
    tables.print();
    fmt::print("\n");
  }

  void print_positions() const {
    text_table table{{"stream", "partition", "next", "newest event", "ended"}};
    for (auto& x : ledger_->positions())
      if (is_kept_table_name(x.stream))
        table.add({x.stream, x.partition == kept_table_ahead ? "(rows are ahead to)" : "",
                   table_position_text(x.next), "", ""});
      else if (x.partition == store::watermark_row)
        table.add({x.stream, "(watermark)", "", time_text(x.max_time_us), ""});
      else
        table.add({x.stream, x.partition, fmt::format("{}", x.next), time_text(x.max_time_us),
                   x.ended ? "yes" : "no"});
    table.print();
  }

  result<void> print_outbox() const {
    text_table table{
        {"output", "published up to epoch", "where it ends", "pending epochs", "pending bytes"}};
    for (auto& name : description_.outputs) {
      auto published = from_ledger(ledger_->published(name));
      auto pending = from_ledger(ledger_->pending(name));
      if (!published || !pending)
        return tl::unexpected(published ? pending.error() : published.error());
      uint64_t bytes = 0;
      for (auto& epoch : *pending)
        bytes += epoch.second;
      table.add({name, fmt::format("{}", published->epoch), printable(published->position),
                 fmt::format("{}", pending->size()), fmt::format("{}", bytes)});
    }
    fmt::print("\n");
    if (table.size() == 0)
      fmt::print("nothing was published and nothing is pending\n");
    else
      table.print();
    return {};
  }

  result<void> print_keys() {
    auto wanted = *entity_number();
    text_table table{{"key", "bytes"}};
    uint64_t keys = 0;
    auto read = from_ledger(
        ledger_->for_each_key([&](uint32_t entity, std::string_view key, std::string_view state) {
          if (entity == wanted && keys++ < options_.limit)
            table.add({std::string{key}, fmt::format("{}", state.size())});
        }));
    if (!read)
      return read;
    table.print();
    if (keys > table.size())
      fmt::print("and {} more: see --limit\n", keys - table.size());
    return {};
  }

  result<void> print_key() {
    auto wanted = *entity_number();
    std::optional<std::string> state;
    // `load` knows compacted keys only.
    auto read = from_ledger(
        ledger_->for_each_key([&](uint32_t entity, std::string_view key, std::string_view bytes) {
          if (entity == wanted && key == options_.key)
            state.emplace(bytes);
        }));
    if (!read)
      return read;
    if (!state)
      return fail(
          fmt::format("{} \"{}\" has no state in the ledger", options_.entity, options_.key));
    if (plan_)
      return print_features(*state);
    fmt::print("{} {}: {} bytes of state; --definition FILE decodes them\n",
               printable(options_.entity), printable(options_.key), state->size());
    return {};
  }

  result<event_time> read_moment() const {
    if (!options_.as_of.empty())
      return parse_timestamp(options_.as_of, timestamp_unit::rfc3339);
    auto newest = beginning_of_time;
    for (auto& x : ledger_->positions())
      newest = std::max(newest, event_time{duration{x.max_time_us}});
    return newest;
  }

  result<void> print_features(const std::string& state) const {
    auto as_of = read_moment();
    if (!as_of)
      return fail(fmt::format("--as-of {}: {}", options_.as_of, as_of.error().message));
    auto& entities = plan_->entities;
    auto entity = std::find_if(entities.begin(), entities.end(),
                               [&](auto& x) { return x->name == options_.entity; });
    if (entity == entities.end())
      return fail(fmt::format("{} defines no entity \"{}\"", options_.definition, options_.entity));
    auto features = read_key_features(*entity, state, *as_of);
    if (!features)
      return fail(
          fmt::format("{} \"{}\": {}", options_.entity, options_.key, features.error().message));
    fmt::print("{} {}{}\n\n", printable(options_.entity), printable(options_.key),
               is_timestamp(*as_of) ? " as of " + format_rfc3339(*as_of) : "");
    text_table table{{"view", "feature", "value", "status", "event time"}};
    for (auto& x : *features)
      table.add({x.view, x.name, x.value, x.status, x.event_time});
    table.print();
    return {};
  }

  state_options options_;
  std::optional<config::plan> plan_;
  std::unique_ptr<ledger> ledger_;
  store::ledger_description description_;
};

} // namespace

void add_state_options(CLI::App& app, state_options& options) {
  app.add_option("LEDGER", options.ledger, "The file that the definition's \"ledger\" names")
      ->required();
  auto* entity = app.add_option("--entity", options.entity, "List the keys of this entity");
  app.add_option("--key", options.key, "Show this key (several fields are joined by |)")
      ->needs(entity);
  app.add_flag("--positions", options.positions, "Only how far each partition has been read");
  app.add_flag("--outbox", options.outbox, "Only what is not yet published");
  app.add_option("--definition", options.definition,
                 "The definition file: decodes the features of --key")
      ->check(CLI::ExistingFile);
  app.add_option("--as-of", options.as_of,
                 "Features at this RFC 3339 time (default: the newest event read)");
  app.add_option("--limit", options.limit, "How many keys to list")->capture_default_str();
  app.footer(
      "Examples:\n"
      "  keyfold state data/ledger.db\n"
      "  keyfold state data/ledger.db --entity user --limit 10\n"
      "  keyfold state data/ledger.db --entity user --key 1234 --definition counters.json\n"
      "Works beside the process that owns the ledger. Exit status: 0 shown, 1 cannot be read, 2 a\n"
      "mistake in the arguments.");
}

int run_state(const state_options& options) {
  auto opened = inspection::open(options);
  auto done = opened ? opened->print() : result<void>{tl::unexpected(opened.error())};
  if (done)
    return 0;
  fmt::print(stderr, "keyfold state: {}\n", done.error().message);
  return 1;
}

} // namespace keyfold
