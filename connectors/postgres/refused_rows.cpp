#include "connectors/formats/row_writer.hpp"
#include "connectors/postgres/output_statements.hpp"
#include "connectors/postgres/postgres_output.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <thread>

/// Of the output: an epoch with rows that the server refuses.
namespace keyfold::postgres {

namespace {

constexpr std::chrono::seconds letter_patience{15};
constexpr std::chrono::milliseconds letter_look{20};
constexpr size_t max_payload = 64u << 10;

} // namespace

outcome<void> postgres_output::write_slow(uint64_t epoch, std::string_view log) {
  auto run = [this](const char* sql) -> outcome<void> {
    auto done = connection_.run(sql);
    return done ? outcome<void>{} : tl::unexpected{done.error()};
  };
  if (auto begun = run("BEGIN"); !begun)
    return begun;
  if (auto set = run(immediate_constraints); !set)
    return set;
  auto marker = connection_.run_prepared(marker_name, marker_parameters());
  if (!marker)
    return tl::unexpected{marker.error()};
  if (auto moved = check_moved(*marker); !moved)
    return moved;
  auto written = each_batch(log, [this] { return write_part(0, batch_->length()); });
  if (!written)
    return written;
  if (auto handed = hand_over(epoch, log); !handed)
    return handed;
  return run("COMMIT");
}

/// The changes [first, last) of the batch, but for those that are refused by themselves.
outcome<void> postgres_output::write_part(size_t first, size_t last) {
  auto done = try_part(first, last);
  if (done
      || (done.error().kind != failure_kind::of_row && done.error().kind != failure_kind::of_batch))
    return done;
  if (last - first == 1) {
    refusals_.push_back({batch_->number(first), done.error().message});
    return {};
  }
  auto middle = first + (last - first) / 2;
  if (auto half = write_part(first, middle); !half)
    return half;
  return write_part(middle, last);
}

outcome<void> postgres_output::try_part(size_t first, size_t last) {
  if (auto marked = connection_.run("SAVEPOINT keyfold"); !marked)
    return tl::unexpected{marked.error()};
  auto done = run_statement(delete_name, batch_->deletes(first, last));
  if (done)
    done = run_statement(upsert_name, batch_->upserts(first, last));
  if (!connection_.is_open())
    return done;
  auto ended = connection_.run(done ? "RELEASE keyfold" : "ROLLBACK TO keyfold; RELEASE keyfold");
  if (!ended)
    return tl::unexpected{ended.error()};
  return done;
}

outcome<void> postgres_output::run_statement(const char* name,
                                             const std::vector<std::string>& arrays) {
  if (arrays.empty())
    return {};
  metrics_.statements.Increment();
  auto done = connection_.run_prepared(name, array_parameters(arrays));
  return done ? outcome<void>{} : tl::unexpected{done.error()};
}

/// Waits until the refused rows are in the ledger as dead letters: else a crash right after the
/// commit would lose them. After a crash before it they are told again.
outcome<void> postgres_output::hand_over(uint64_t epoch, std::string_view log) {
  if (refusals_.empty() || lettered_epoch_ == epoch || queue_ == nullptr)
    return {};
  auto letters = letters_of(epoch, log);
  uint64_t ticket = 0;
  auto offered = false;
  for (auto until = connection::clock::now() + letter_patience;
       connection::clock::now() < until && !interrupted_.raised();) {
    offered = offered || queue_->offer(letters, &ticket);
    if (offered && queue_->in_ledger(ticket)) {
      lettered_epoch_ = epoch;
      spdlog::warn("output {}: epoch {}: {} rows are refused, the first one for: {}; see the dead "
                   "letters",
                   settings_.name, epoch, refusals_.size(), refusals_.front().reason);
      return {};
    }
    std::this_thread::sleep_for(letter_look);
  }
  metrics_.letter_waits.Increment();
  return tl::unexpected{failure{
      failure_kind::transient, "",
      fmt::format("{} rows are refused, and their dead letters are not in the ledger yet: see "
                  "whether the dead-letter output works",
                  refusals_.size())}};
}

std::vector<dead_letter> postgres_output::letters_of(uint64_t epoch, std::string_view log) const {
  auto all = settings_.columns;
  all.fields.clear();
  for (const auto& x : wanted_)
    all.fields.push_back({x.name, x.of_key, x.place});
  auto writer = make_row_writer(row_format::json, all);
  std::vector<dead_letter> out;
  change_log_reader reader{log};
  change x;
  auto next = refusals_.begin();
  for (uint64_t number = 0; next != refusals_.end() && reader.next(x); ++number) {
    if (number != next->number)
      continue;
    auto& letter = out.emplace_back();
    letter.stream = "output " + settings_.name;
    letter.place = fmt::format("{}, epoch {}, change {}", settings_.table, epoch, number);
    letter.reason = next->reason;
    if (x.erased)
      writer->write_key(x.key, letter.payload);
    else
      writer->write_value(x.key, x.values, letter.payload);
    letter.payload.resize(std::min(letter.payload.size(), max_payload));
    ++next;
  }
  return out;
}

} // namespace keyfold::postgres
