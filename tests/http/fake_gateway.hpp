#pragma once

#include "messages/feature_query.hpp"
#include "messages/push.hpp"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace keyfold::http::test {

/// When every event of the fake world happened.
inline constexpr event_time event_moment{std::chrono::seconds{1'700'000'000}};

/// Answers queries with made-up values: feature number n is n + 0.5, read at `event_moment`. Keys:
/// `404…` are not there, `9` has expired, `8` has nulls, `7` lists, `6` odd numbers.
class fake_gateway final : public feature_gateway {
public:
  enum class manner { at_once, from_another_thread, never };

  explicit fake_gateway(manner how = manner::at_once) : how_(how) {}
  ~fake_gateway() override {
    for (auto& x : threads_)
      x.join();
  }

  void submit(std::shared_ptr<feature_query> query, caf::execution_unit*) override {
    submitted.fetch_add(1);
    last_as_of = query->as_of;
    if (how_ == manner::never) {
      std::lock_guard guard{mutex_};
      kept_.push_back(std::move(query));
    } else if (how_ == manner::at_once) {
      answer(*query);
    } else {
      threads_.emplace_back([query] {
        std::this_thread::sleep_for(std::chrono::milliseconds{2});
        answer(*query);
      });
    }
  }

  /// Answers what has been kept: too late for whoever asked.
  void answer_kept() {
    std::lock_guard guard{mutex_};
    for (auto& query : kept_)
      answer(*query);
    kept_.clear();
  }

  std::atomic<uint64_t> submitted{0};
  std::optional<event_time> last_as_of;

private:
  static feature_value value_of(const std::string& key, uint32_t number, arena& memory) {
    feature_value x{cell::real(number + 0.5), feature_status::present, event_moment};
    if (key == "9")
      x.status = feature_status::outside_max_age;
    if (key == "8")
      x = {cell{}, feature_status::null_value, event_moment};
    if (key == "7") {
      auto items = memory.allocate_cells(number);
      for (auto& item : items)
        item = cell::integer(9007199254740993);
      x.value = cell::list(items);
    }
    if (key == "6")
      x.value = number == 0   ? cell::real(2.0)
                : number == 1 ? cell::integer(9007199254740993)
                : number == 2 ? cell::string(memory.copy("h\u00e9 \"\\\n\x01"))
                : number == 3 ? cell::timestamp(event_moment)
                : number == 4 ? cell::decimal(-1234, 2)
                : number == 5 ? cell::bytes("abc")
                : number == 6 ? cell::boolean(true)
                              : cell::real(0.1);
    return x;
  }

  static void answer(feature_query& query) {
    query.answers.resize(query.keys.size());
    for (size_t i = 0; i < query.keys.size(); ++i) {
      const auto& key = query.keys[i];
      auto& to = query.answers[i];
      to.as_of = event_moment;
      to.found = !key.starts_with("404");
      if (!to.found)
        continue;
      for (const auto& wanted : query.wanted)
        to.values.push_back(value_of(key, wanted.feature, to.memory));
      if (query.with_open)
        to.open.push_back({0, "shoes", {cell::real(3), feature_status::present, event_moment}});
    }
    query.watermark = event_moment;
    query.done(query);
  }

  manner how_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<feature_query>> kept_;
  std::vector<std::thread> threads_;
};

/// Takes pushes for the stream `events`; refuses rows that hold the word `bad`.
class fake_push final : public push_endpoint {
public:
  void push(std::string_view stream, std::vector<std::string> rows, bool durable,
            std::function<void(push_outcome)> done) override {
    push_outcome outcome;
    outcome.what = stream == "events" ? state : push_outcome::kind::unknown_stream;
    for (size_t i = 0; outcome.what == push_outcome::kind::done && i < rows.size(); ++i) {
      if (rows[i].find("bad") != std::string::npos)
        outcome.rejected.emplace_back(i, "field x is no number");
      else
        ++outcome.accepted;
    }
    last_rows = std::move(rows);
    last_durable = durable;
    std::thread{[done = std::move(done), outcome] { done(outcome); }}.detach();
  }
  std::vector<std::string> streams() const override { return {"events"}; }

  push_outcome::kind state = push_outcome::kind::done;
  std::vector<std::string> last_rows;
  bool last_durable = false;
};

} // namespace keyfold::http::test
