#include "connectors/dynamodb/row_sender.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace keyfold::dynamodb {

namespace {

constexpr int attempts_before_report = 4;

} // namespace

row_sender::row_sender(settings x, service& to, output_metrics& metrics, reporter report)
    : settings_(std::move(x)), service_(to), metrics_(metrics), report_(std::move(report)),
      requests_(
          to.http(), settings_.max_in_flight,
          [this](const request& asked) {
            metrics_.requests.Increment();
            metrics_.in_flight.Set(static_cast<double>(requests_.running() + 1));
            return service_.request(asked.operation, body_of(asked));
          },
          [this](request asked, const result<http_exchange_answer>& answered) {
            metrics_.in_flight.Set(static_cast<double>(requests_.running()));
            take(std::move(asked), answered);
          }) {}

result<void> row_sender::batch(std::string row) {
  result<void> done;
  if (!open_.rows.empty() && open_bytes_ + row.size() > max_batch_bytes)
    done = submit(std::exchange(open_, {}));
  if (open_.rows.empty())
    open_bytes_ = 0;
  open_.operation = "BatchWriteItem";
  open_bytes_ += row.size() + 1;
  open_.rows.push_back(std::move(row));
  if (done && open_.rows.size() == max_batch_rows)
    done = submit(std::exchange(open_, {}));
  return done;
}

result<void> row_sender::single(std::string_view operation, std::string body) {
  request x;
  x.operation = operation;
  x.rows.push_back(std::move(body));
  return submit(std::move(x));
}

result<void> row_sender::submit(request x) {
  return requests_.add(std::move(x));
}

result<void> row_sender::finish() {
  if (!open_.rows.empty())
    if (auto begun = submit(std::exchange(open_, {})); !begun)
      return begun;
  return requests_.finish();
}

std::string row_sender::body_of(const request& x) const {
  if (x.operation != "BatchWriteItem")
    return x.rows.front();
  auto out = fmt::format(R"({{"RequestItems":{{"{}":[)", settings_.table);
  for (const auto& row : x.rows) {
    if (&row != &x.rows.front())
      out.push_back(',');
    out += row;
  }
  out += "]}}";
  return out;
}

void row_sender::take(request x, const result<http_exchange_answer>& answered) {
  auto said = judge(answered);
  auto at_least = answered ? answered->retry_after : std::chrono::seconds{0};
  switch (said.what) {
  case verdict::held:
    metrics_.held.Increment();
    [[fallthrough]];
  case verdict::done:
    return done(x.rows.size());
  case verdict::rest:
    if (said.unprocessed.size() < x.rows.size())
      x.attempts = 0; // some of it was taken: the pauses begin anew
    done(x.rows.size() - std::min(x.rows.size(), said.unprocessed.size()));
    metrics_.unprocessed.Increment(static_cast<double>(said.unprocessed.size()));
    x.rows = std::move(said.unprocessed);
    x.failures = 0;
    return again(std::move(x), said, at_least);
  case verdict::throttled:
    metrics_.throttled.Increment();
    x.failures = 0;
    return again(std::move(x), said, at_least);
  case verdict::failing:
    metrics_.failed.Increment();
    return ++x.failures < max_failures ? again(std::move(x), said, at_least) : give_up(said);
  case verdict::bad_row:
  case verdict::too_large:
    return refuse_or_split(std::move(x), std::move(said.why));
  default:
    if (!service_.learn(said, answered) || x.learned++ > 1)
      return give_up(said);
    requests_.add_more(std::move(x));
  }
}

void row_sender::done(size_t rows) {
  metrics_.rows.Increment(static_cast<double>(rows));
  if (rows > 0 && std::exchange(reported_, false))
    report_({});
}

void row_sender::again(request x, const judgement& said, std::chrono::seconds at_least) {
  if (++x.attempts >= attempts_before_report && !std::exchange(reported_, true))
    report_(fmt::format("table `{}` takes no more for now: {}; trying again", settings_.table,
                        said.why));
  auto pause = retry_pause(x.attempts, at_least);
  requests_.again(std::move(x), pause);
}

/// Halves a request until the row that is wrong stands alone.
void row_sender::refuse_or_split(request x, std::string why) {
  if (x.rows.size() == 1) {
    metrics_.refused.Increment();
    refused_.push_back({std::move(x.rows.front()), std::move(why)});
    return;
  }
  request other;
  other.operation = x.operation;
  auto middle = x.rows.begin() + static_cast<ptrdiff_t>(x.rows.size() / 2);
  other.rows.assign(std::make_move_iterator(middle), std::make_move_iterator(x.rows.end()));
  x.rows.erase(middle, x.rows.end());
  requests_.add_more(std::move(x));
  requests_.add_more(std::move(other));
}

void row_sender::give_up(const judgement& said) {
  auto todo = remedy(said.what, settings_.table, settings_.region);
  requests_.give_up(todo.empty() ? said.why : fmt::format("{}: {}", said.why, todo));
}

void row_sender::abandon() noexcept {
  requests_.abandon();
  open_ = {};
  refused_.clear();
  reported_ = false;
  metrics_.in_flight.Set(0);
}

} // namespace keyfold::dynamodb
