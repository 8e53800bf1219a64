#include "connectors/dynamodb/item_output.hpp"

#include "connectors/formats/row_writer.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <xxhash.h>

#include <chrono>

namespace keyfold::dynamodb {

namespace {

using clock = std::chrono::steady_clock;

/// How long `open` waits for a table before it leaves the wait to its caller.
constexpr auto open_timeout = std::chrono::seconds{20};
constexpr size_t max_letters_held = 1000;

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(text, out);
  return out;
}

/// The condition of versioned writes, up to the epoch.
std::string condition_of(const std::string& version) {
  if (version.empty())
    return {};
  return R"(,"ConditionExpression":"attribute_not_exists(#v) OR #v < :v",)"
         R"("ExpressionAttributeNames":{"#v":)"
         + quoted(version) + R"(},"ExpressionAttributeValues":{":v":{"N":")";
}

} // namespace

result<std::unique_ptr<event_output>>
make_dynamodb_output(output_settings settings, std::shared_ptr<prometheus::Registry> registry,
                     std::shared_ptr<dead_letter_queue> letters) {
  auto items = item_writer::make(settings.columns, settings.item);
  if (!items)
    return fail(fmt::format("output \"{}\": {}", settings.name, items.error().message));
  return std::make_unique<item_output>(std::move(settings), std::move(*items), std::move(registry),
                                       std::move(letters));
}

item_output::item_output(output_settings settings, item_writer items,
                         std::shared_ptr<prometheus::Registry> registry,
                         std::shared_ptr<dead_letter_queue> letters)
    : settings_(std::move(settings)), items_(std::move(items)), name_(quoted(settings_.table)),
      condition_(condition_of(settings_.item.version)),
      metrics_(std::move(registry), settings_.name), letters_(std::move(letters)),
      service_(settings_.connection), tables_(service_, settings_.connection.region),
      rows_({settings_.table, settings_.connection.region, settings_.max_in_flight}, service_,
            metrics_, [this](std::string sentence) {
              if (!sentence.empty())
                spdlog::warn("output {}: {}", settings_.name, sentence);
              std::lock_guard guard{status_mutex_};
              status_ = {sentence.empty(), std::move(sentence)};
            }) {}

item_output::key_hash item_output::hash_of(std::string_view key) noexcept {
  auto hash = XXH3_128bits(key.data(), key.size());
  return {hash.low64, hash.high64};
}

tl::unexpected<error> item_output::trouble(const error& what) {
  std::lock_guard guard{status_mutex_};
  status_ = {false, what.message};
  return fail(fmt::format("output \"{}\": {}", settings_.name, what.message));
}

tl::unexpected<error> item_output::permanent(std::string sentence) {
  fatal_ = true;
  return fail(std::move(sentence));
}

component_status item_output::status() const {
  std::lock_guard guard{status_mutex_};
  return status_;
}

void item_output::interrupt() noexcept {
  interrupted_ = true;
  letters_.interrupt();
  service_.interrupt();
  rows_.interrupt();
}

result<void> item_output::check_tables() {
  auto deadline = clock::now() + open_timeout;
  auto keep_waiting = [&] { return clock::now() < deadline && !interrupted_; };
  auto check = [&](const std::string& table, const auto& key) -> result<void> {
    auto fits = tables_.check(table, key, settings_.create_table, keep_waiting);
    if (fits)
      return {};
    fatal_ = fits.error().permanent;
    return fail(fits.error().sentence);
  };
  if (auto good = check(settings_.table, items_.key()); !good || settings_.marker_table.empty())
    return good;
  return check(settings_.marker_table, tables::marker_key());
}

result<uint64_t> item_output::open() {
  fatal_ = false;
  if (auto good = check_tables(); !good)
    return trouble(good.error());
  uint64_t newest = 0;
  if (!settings_.marker_table.empty()) {
    auto marker = tables_.read_marker(settings_.marker_table, settings_.pipeline);
    if (!marker) {
      fatal_ = marker.error().permanent;
      return trouble({marker.error().sentence});
    }
    newest = *marker;
  }
  std::lock_guard guard{status_mutex_};
  status_ = {};
  return newest;
}

result<void> item_output::publish(uint64_t epoch, std::string_view log) {
  auto begun = clock::now();
  fatal_ = false;
  letters_.clear();
  auto newest = find_newest(log);
  auto done = newest ? send_all(epoch, log, *newest) : result<void>{tl::unexpected{newest.error()}};
  if (done)
    done = rows_.finish();
  if (done)
    done = hand_over_letters(epoch);
  if (done)
    done = letters_.settle();
  if (done && !settings_.marker_table.empty())
    done = mark(epoch);
  if (!done) {
    rows_.abandon();
    return trouble({fmt::format("epoch {}: {}", epoch, done.error().message)});
  }
  metrics_.publish_seconds.Observe(std::chrono::duration<double>(clock::now() - begun).count());
  return {};
}

result<void> item_output::mark(uint64_t epoch) {
  auto marked = tables_.write_marker(settings_.marker_table, settings_.pipeline, epoch);
  if (marked)
    return {};
  fatal_ = marked.error().permanent;
  return fail(marked.error().sentence);
}

/// A batch must not have a key twice, and requests arrive in any order: of each key only the last
/// change of the epoch is sent. Changes whose key cannot be written are dead letters later.
result<item_output::newest_changes> item_output::find_newest(std::string_view log) {
  newest_changes out;
  change_log_reader reader{log};
  change x;
  std::string key;
  for (uint64_t number = 0; reader.next(x); ++number) {
    if (x.source != 0 || !fits(x, settings_.columns))
      return permanent("the outbox in the ledger has a change which does not fit what the "
                       "definition sends here: start once with the definition that wrote it");
    key.clear();
    if (!items_.write_key(x, key))
      continue;
    auto [at, added] = out.try_emplace(hash_of(key), number);
    if (!added) {
      at->second = number;
      metrics_.superseded.Increment();
    }
  }
  if (!reader.good())
    return permanent("the outbox in the ledger is malformed: restore the ledger from a backup");
  return out;
}

result<void> item_output::send_all(uint64_t epoch, std::string_view log,
                                   const newest_changes& newest) {
  change_log_reader reader{log};
  change x;
  std::string key;
  for (uint64_t number = 0; reader.next(x); ++number) {
    key.clear();
    if (auto written = items_.write_key(x, key); !written) {
      metrics_.refused.Increment();
      refuse(epoch, key, written.error().message);
    } else if (newest.at(hash_of(key)) == number) {
      if (auto done = send(epoch, x); !done)
        return done;
    }
    if (letters_.held() + rows_.refused().size() >= max_letters_held)
      if (auto done = hand_over_letters(epoch); !done)
        return done;
  }
  return {};
}

result<void> item_output::send(uint64_t epoch, const change& x) {
  std::string body;
  result<void> written;
  auto versioned = !condition_.empty();
  auto put = !x.erased;
  if (versioned)
    body = fmt::format(R"({{"TableName":{},"{}":)", name_, put ? "Item" : "Key");
  else
    body = put ? R"({"PutRequest":{"Item":)" : R"({"DeleteRequest":{"Key":)";
  written = put ? items_.write_item(x, epoch, body) : items_.write_key(x, body);
  if (!written) {
    metrics_.refused.Increment();
    refuse(epoch, std::move(body), written.error().message);
    return {};
  }
  if (!versioned)
    return rows_.batch(body += "}}");
  body += condition_;
  body += fmt::format(R"({}"}}}}}})", epoch);
  return rows_.single(put ? "PutItem" : "DeleteItem", std::move(body));
}

void item_output::refuse(uint64_t epoch, std::string row, const std::string& why) {
  letters_.add({settings_.columns.view, fmt::format("output {}, epoch {}", settings_.name, epoch),
                fmt::format("DynamoDB does not take this row: {}", why), std::move(row)});
}

/// Before that the table is looked at again: if it is no longer what it was, the rows are not to
/// blame.
result<void> item_output::hand_over_letters(uint64_t epoch) {
  if (!rows_.refused().empty())
    if (auto good = check_tables(); !good)
      return good;
  for (auto& x : std::exchange(rows_.refused(), {}))
    refuse(epoch, std::move(x.row), x.why);
  return letters_.hand_over();
}

} // namespace keyfold::dynamodb
