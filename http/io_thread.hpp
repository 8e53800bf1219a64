#pragma once

#include "http/json_writer.hpp"
#include "http/service.hpp"
#include "http/target.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <caf/execution_unit.hpp>
#include <simdjson.h>

#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace keyfold::http {

class connection;
class listener;

/// One thread of the server: an io_context with its acceptors and connections, and at the same time
/// an execution unit of the actor system, so that an idle actor that is asked answers here and now,
/// without a change of thread.
class io_thread final : public caf::execution_unit, public std::enable_shared_from_this<io_thread> {
public:
  using clock = std::chrono::steady_clock;

  explicit io_thread(std::shared_ptr<service> shared);
  ~io_thread() override;

  service& shared() noexcept { return *shared_; }
  boost::asio::io_context& context() noexcept { return context_; }
  /// Whether the caller runs on this thread.
  bool here() const noexcept { return current_ == this; }

  void start();
  /// Closes what is open and ends the thread. Not from the thread itself.
  void stop();
  /// Stops accepting, lets every connection end with its next answer. From any thread.
  void begin_drain();
  /// Whether no connection is left. From any thread.
  bool idle() const noexcept { return metrics.open.load(std::memory_order_acquire) == 0; }

  /// Runs `f` on this thread: at once when called there, else later; not at all once stopped.
  template <class F>
  void run(F&& f) {
    if (here()) {
      f();
      return;
    }
    std::lock_guard guard{stop_mutex_};
    if (!stopped_)
      boost::asio::post(context_, std::forward<F>(f));
  }

  /// @pre called before `start`
  void add_listener(std::unique_ptr<listener> x);
  void add(std::shared_ptr<connection> x);
  void remove(connection& x);

  /// Hands the query to the gateway and runs the actors that it woke, here, within bounds.
  void submit(std::shared_ptr<feature_query> query);
  void exec_later(caf::resumable* job) override;

  /// The value of the Date field, made once a second.
  std::string_view date();

  // What a request in hand uses; free again when its handler returns.
  json_writer out;
  target where;
  simdjson::dom::parser json;

  thread_metrics& metrics;

private:
  void run_actors();
  void work();
  void tick();
  void reload_secrets();

  static thread_local io_thread* current_;

  std::shared_ptr<service> shared_;
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> keep_running_;
  boost::asio::steady_timer ticker_;
  std::vector<std::unique_ptr<listener>> listeners_;
  std::vector<std::shared_ptr<connection>> connections_;
  std::deque<caf::resumable*> jobs_;
  std::mutex stop_mutex_;
  bool stopped_ = false;
  int64_t date_second_ = 0;
  uint32_t ticks_ = 0;
  std::string date_;
  std::thread thread_;
};

} // namespace keyfold::http
