#include "actors/engine.hpp"

#include <caf/scheduler/abstract_coordinator.hpp>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>

namespace keyfold {

engine::engine(caf::actor_system& system, engine_settings settings,
               std::shared_ptr<metrics_registry> metrics, readiness& ready)
    : system_(system), settings_(std::move(settings)), metrics_(std::move(metrics)), ready_(ready) {
  if (settings_.routers == 0)
    settings_.routers = static_cast<uint32_t>(system_.scheduler().num_workers());
  settings_.routers = std::clamp(settings_.routers, 1u, shard_count);
  ready_.set("engine", "starting");
}

engine::~engine() {
  if (auto stopped = stop(std::chrono::milliseconds{0}); !stopped)
    spdlog::error("{}", stopped.error().message);
}

namespace {

uint32_t stream_number(const std::vector<engine_stream>& streams, const std::string& name) {
  auto found = std::find_if(streams.begin(), streams.end(),
                            [&](const auto& x) { return x.schema->name == name; });
  return static_cast<uint32_t>(found - streams.begin());
}

entity_routing make_routing(const engine_settings& settings,
                            const std::shared_ptr<const entity_definition>& definition) {
  entity_routing routing;
  routing.layout = std::make_shared<const entity_layout>(definition);
  for (const auto& input : definition->inputs)
    routing.input_streams.push_back(stream_number(settings.streams, input.stream));
  for (const auto& view : definition->views) {
    auto& streams = routing.view_streams.emplace_back();
    for (const auto& input : view->inputs())
      streams.push_back(stream_number(settings.streams, input));
    auto& every = routing.every_change.emplace_back();
    auto& last = routing.last_change.emplace_back();
    for (uint32_t output = 0; output < settings.outputs.size(); ++output) {
      const auto& wanted = settings.outputs[output].views;
      auto found = std::find(wanted.begin(), wanted.end(), view->name());
      if (found != wanted.end())
        (settings.outputs[output].every_change ? every : last)
            .push_back({output, static_cast<uint32_t>(found - wanted.begin())});
    }
  }
  return routing;
}

/// Which of a view's emissions are in the rows of a stream of them.
std::vector<uint32_t> emitted_columns(const view& from, const stream_schema& to) {
  std::vector<uint32_t> result;
  for (const auto& field : to.fields) {
    if (!field.decoded())
      break;
    auto found = std::find_if(from.emissions().begin(), from.emissions().end(),
                              [&](const auto& x) { return x.name == field.name; });
    result.push_back(static_cast<uint32_t>(found - from.emissions().begin()));
  }
  return result;
}

std::vector<event_route> event_routes(const std::vector<engine_output>& outputs,
                                      const std::string& stream) {
  std::vector<event_route> result;
  for (uint32_t output = 0; output < outputs.size(); ++output) {
    const auto& wanted = outputs[output].streams;
    for (size_t i = 0; i < wanted.size(); ++i)
      if (wanted[i].stream == stream)
        result.push_back(
            {output, static_cast<uint32_t>(outputs[output].views.size() + i), wanted[i].key});
  }
  return result;
}

/// Tells whether rows come in so fast that compaction would take the processor away from them.
class inflow_watch {
public:
  /// @param admitted rows that have come in so far
  bool fast(uint64_t admitted) {
    using clock = std::chrono::steady_clock;
    constexpr auto beat = std::chrono::milliseconds{20};
    constexpr auto many_per_second = 100'000.0;
    auto now = clock::now();
    if (now - at_ < beat)
      return fast_;
    auto seconds = std::chrono::duration<double>(now - at_).count();
    fast_ = static_cast<double>(admitted - admitted_) > many_per_second * seconds;
    at_ = now;
    admitted_ = admitted;
    return fast_;
  }

private:
  std::chrono::steady_clock::time_point at_;
  uint64_t admitted_ = 0;
  bool fast_ = false;
};

void add_derived(const engine_settings& settings, uint32_t stream, routing_table& to) {
  const auto& x = settings.streams[stream];
  for (uint32_t entity = 0; entity < to.entities.size(); ++entity) {
    auto& routing = to.entities[entity];
    const auto& views = routing.layout->definition().views;
    for (uint32_t view = 0; view < views.size(); ++view) {
      if (views[view]->name() != x.view)
        continue;
      to.derived_numbers[stream] = static_cast<uint32_t>(to.derived.size());
      to.derived.push_back({stream, entity, view, x.schema,
                            emitted_columns(*views[view], *x.schema),
                            event_routes(settings.outputs, x.schema->name)});
      routing.feeds = true;
    }
  }
}

} // namespace

std::shared_ptr<const routing_table> engine::make_table() const {
  auto table = std::make_shared<routing_table>();
  table->stream_count = settings_.streams.size();
  table->output_count = settings_.outputs.size();
  table->router_count = settings_.routers;
  table->max_key_bytes = settings_.max_key_bytes;
  for (const auto& definition : settings_.entities)
    table->entities.push_back(make_routing(settings_, definition));
  table->derived_numbers.resize(settings_.streams.size());
  for (uint32_t i = 0; i < settings_.streams.size(); ++i)
    if (settings_.streams[i].source == nullptr)
      add_derived(settings_, i, *table);
  return table;
}

void engine::make_routers() {
  auto counters = view_metrics::make(*metrics_, settings_.entities);
  for (uint32_t i = 0; i < settings_.routers; ++i)
    routers_.push_back(make_lean_actor<router>(system_, system_, table_, gate_, counters));
  std::vector<stream_counters> derived;
  for (const auto& x : table_->derived)
    derived.push_back(stream_counters::make(*metrics_, *x.schema));
  for (uint32_t i = 0; i < settings_.routers; ++i)
    routers_[i]->connect(i, routers_, derived);
}

/// Opens the ledger; rows of tables are in it as if they were keys of entities behind the others.
result<void> engine::open_ledger() {
  store::open_options options;
  options.path = settings_.ledger_path;
  options.application = settings_.application;
  options.reset_changed_views = settings_.reset_changed_views;
  for (const auto& entity : settings_.entities) {
    options.entities.push_back(entity->name);
    for (const auto& view : entity->views)
      options.fingerprints[entity->name + "/" + view->name()] = view->fingerprint();
  }
  for (const auto& source : settings_.tables)
    if (auto* table = source->kept(); table != nullptr) {
      kept_.push_back({table, static_cast<uint32_t>(options.entities.size())});
      options.entities.push_back(kept_table_name(table->name()));
    }
  auto opened = store::ledger::open(options);
  if (!opened)
    return fail(opened.error().message);
  ledger_ = std::move(*opened);
  return forget_tables();
}

/// The rows of tables that are left out have left the ledger: their positions must not be there
/// when those come back.
result<void> engine::forget_tables() {
  store::epoch_commit without;
  without.epoch = ledger_->last_epoch() + 1;
  auto gone = false;
  for (auto& row : ledger_->positions()) {
    auto of_table = [&](const auto& x) { return row.stream == kept_table_name(x.table->name()); };
    if (is_kept_table_name(row.stream) && std::none_of(kept_.begin(), kept_.end(), of_table))
      gone = true;
    else
      without.positions.push_back(std::move(row));
  }
  if (gone)
    if (auto done = ledger_->commit(without); !done)
      return fail(done.error().message);
  return {};
}

/// Streams are joined with tables in memory as if those could not be missing.
result<void> engine::load_tables() {
  for (const auto& source : settings_.tables)
    if (auto loaded = source->load(); !loaded)
      return loaded;
  for (const auto& stream : settings_.streams)
    for (const auto& lookup : stream.schema->lookups)
      if (auto problem = lookup.table->problem(); !lookup.table->waits() && !problem.empty())
        return fail(fmt::format("stream `{}`: {}", stream.schema->name, problem));
  return {};
}

result<void> engine::start() {
  if (auto opened = open_ledger(); !opened)
    return opened;
  table_ = make_table();
  gate_ = std::make_shared<flow_gate>(settings_.max_in_flight_rows);
  make_routers();
  set_residency();
  restore_positions();
  if (auto restored = restore(); !restored)
    return restored;
  if (auto loaded = load_tables(); !loaded)
    return loaded;
  make_outputs();
  auto busy = [this, inflow = inflow_watch{}]() mutable {
    auto overfull =
        std::any_of(routers_.begin(), routers_.end(), [](const auto& x) { return x->overfull(); });
    if (overfull)
      return false;
    auto publishing = std::any_of(outputs_.begin(), outputs_.end(), [](const auto& x) {
      return x.writer->pending_bytes() > x.max_pending_bytes / 16;
    });
    return inflow.fast(gate_->admitted()) || publishing || gate_->closed();
  };
  ledger_writer_ = std::make_unique<ledger_writer>(*ledger_, *metrics_, ready_, std::move(busy));
  start_sources();
  for (const auto& source : settings_.tables)
    source->start();
  ready_.set("engine", {});
  return {};
}

void engine::set_residency() {
  if (!settings_.residency.bounded())
    return;
  auto share = settings_.residency;
  share.max_keys = (share.max_keys + settings_.routers - 1) / settings_.routers;
  share.max_bytes = (share.max_bytes + settings_.routers - 1) / settings_.routers;
  auto& passivated =
      make_counter(*metrics_, "keyfold_passivated_keys_total", "Keys that left memory.");
  loader_ = std::make_unique<key_loader>(*ledger_, *metrics_, [this](std::string reason) {
    coordinator_->send_failure(std::move(reason));
  });
  for (auto& x : routers_)
    x->set_residency(share, *loader_, passivated);
}

/// Tells tables how far the ledger has followed them.
void engine::restore_positions() {
  for (const auto& x : kept_) {
    std::optional<table_position> position;
    int64_t ahead = 0;
    for (auto& row : ledger_->positions())
      if (row.stream != kept_table_name(x.table->name()))
        continue;
      else if (row.partition == kept_table_ahead)
        ahead = row.next;
      else
        position = table_position{std::move(row.partition), row.next};
    if (position)
      position->ahead = ahead;
    x.table->restore(std::move(position));
  }
}

result<void> engine::restore() {
  // Keys that stay in the ledger are read from its rows: nothing may be left in segments.
  for (auto more = settings_.residency.bounded(); more;) {
    auto compacted = ledger_->compact(std::chrono::milliseconds{100});
    if (!compacted)
      return fail(compacted.error().message);
    more = *compacted;
  }
  uint64_t keys = 0;
  uint64_t rows = 0; // of tables
  std::string malformed;
  auto begin = std::chrono::steady_clock::now();
  auto read =
      ledger_->for_each_key([&](uint32_t entity, std::string_view key, std::string_view state) {
        if (entity >= settings_.entities.size()) {
          kept_[entity - settings_.entities.size()].table->restore_row(key, state);
          ++rows;
          return;
        }
        auto& owner = routers_[router_of(key, settings_.routers)];
        if (!owner->restore(entity, key, state) && malformed.empty())
          malformed = key;
        ++keys;
      });
  if (!read)
    return fail(read.error().message);
  if (!malformed.empty())
    return fail(fmt::format("{}: the state of key {} is malformed: restore the ledger from a "
                            "backup, or start with a new "
                            "one and replay",
                            settings_.ledger_path, malformed));
  if (keys + rows != 0)
    spdlog::info("restored {} keys{} at epoch {} in {:.1f} s", keys,
                 rows == 0 ? "" : fmt::format(" and {} rows of tables", rows),
                 ledger_->last_epoch(),
                 std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  return {};
}

void engine::make_outputs() {
  for (auto& output : settings_.outputs)
    outputs_.push_back(
        {std::make_unique<output_writer>(
             output.name, std::move(output.output), *ledger_, *metrics_, ready_, settings_.fault,
             output_writer::callbacks{
                 [this] { coordinator_->send_tick(); },
                 [this](std::string reason) { coordinator_->send_failure(std::move(reason)); }}),
         output.max_pending_bytes});
}

void engine::start_sources() {
  for (uint32_t i = 0; i < settings_.streams.size(); ++i) {
    auto& stream = settings_.streams[i];
    if (stream.source == nullptr)
      continue;
    auto number = sources_.size();
    sources_.push_back(std::make_unique<source_reader>(
        stream.schema, i, std::move(stream.source), table_, routers_, gate_, *metrics_, ready_,
        source_reader::callbacks{
            [this, number](source_progress progress) {
              coordinator_->send_held(number, std::move(progress));
            },
            [this](std::string reason) { coordinator_->send_failure(std::move(reason)); }}));
  }
  epoch_coordinator::parts parts;
  parts.gate = gate_;
  parts.routers = routers_;
  parts.sources = &sources_;
  parts.outputs = &outputs_;
  parts.dead_letter_output = settings_.dead_letter_output;
  parts.letters = settings_.letters;
  parts.tables = kept_;
  parts.ledger = ledger_writer_.get();
  parts.last_epoch = ledger_->last_epoch();
  parts.compacted_epoch = [this] { return ledger_->compacted_epoch(); };
  parts.fault = settings_.fault;
  parts.metrics = metrics_.get();
  parts.finish_at_end = settings_.finish_at_end;
  parts.finished = [this](std::string failure) {
    {
      std::lock_guard guard{mutex_};
      finished_ = true;
      failure_ = std::move(failure);
    }
    changed_.notify_all();
  };
  coordinator_ = make_lean_actor<epoch_coordinator>(system_, settings_.epochs, std::move(parts));
  for (auto& output : outputs_)
    output.writer->start();
  std::vector<source_positions> positions(sources_.size());
  for (const auto& row : ledger_->positions())
    for (size_t i = 0; i < sources_.size(); ++i)
      if (sources_[i]->name() == row.stream)
        positions[i][row.partition] = {row.partition, row.next,
                                       event_time{duration{row.max_time_us}}, row.ended};
  for (size_t i = 0; i < sources_.size(); ++i)
    restore_time(sources_[i]->stream(), positions[i]);
  for (size_t i = 0; i < sources_.size(); ++i)
    sources_[i]->start(std::move(positions[i]));
}

void engine::restore_time(uint32_t stream, const source_positions& positions) {
  auto watermark = beginning_of_time;
  auto newest = beginning_of_time;
  for (const auto& [partition, x] : positions)
    if (partition == store::watermark_row)
      watermark = x.max_time;
    else
      newest = std::max(newest, x.max_time);
  for (auto& router : routers_)
    router->restore_time(stream, watermark, newest);
}

bool engine::wait(std::chrono::milliseconds patience) {
  constexpr auto beat = std::chrono::milliseconds{10};
  auto until = std::chrono::steady_clock::now() + patience;
  for (;;) {
    coordinator_->send_tick();
    std::unique_lock guard{mutex_};
    if (changed_.wait_for(guard, beat, [this] { return finished_; }))
      return true;
    if (std::chrono::steady_clock::now() >= until)
      return false;
  }
}

result<void> engine::stop(std::chrono::milliseconds deadline) {
  if (coordinator_ == nullptr || std::exchange(stopped_, true))
    return {};
  ready_.set("engine", "stopping");
  for (const auto& source : settings_.tables)
    source->stop(); // the last epoch takes what they have left, also dead letters
  coordinator_->send_stop(std::chrono::steady_clock::now() + deadline);
  while (!wait(std::chrono::milliseconds{1000}))
    ;
  gate_->stop();
  for (auto& source : sources_)
    source->source().interrupt();
  for (auto& source : sources_)
    source->join();
  for (auto& output : outputs_)
    output.writer->stop();
  for (auto& output : outputs_)
    output.writer->join();
  loader_.reset();
  ledger_writer_.reset();
  std::lock_guard guard{mutex_};
  if (!failure_.empty())
    return fail(failure_);
  return {};
}

void engine::submit(std::shared_ptr<feature_query> query, caf::execution_unit* unit) {
  query->answers.resize(query->keys.size());
  query->open_answers.store(static_cast<uint32_t>(query->keys.size()), std::memory_order_relaxed);
  if (query->keys.empty()) {
    query->done(*query);
    return;
  }
  for (uint32_t i = 0; i < query->keys.size(); ++i)
    routers_[router_of(query->keys[i], settings_.routers)]->send_read(query, i, unit);
}

uint64_t engine::records() const noexcept {
  uint64_t sum = 0;
  for (const auto& source : sources_)
    sum += source->records();
  return sum;
}

uint64_t engine::resident_keys() const noexcept {
  uint64_t sum = 0;
  for (const auto& router : routers_)
    sum += router->resident_keys();
  return sum;
}

uint64_t engine::epoch() const noexcept {
  return coordinator_ == nullptr ? 0 : coordinator_->epoch();
}

} // namespace keyfold
