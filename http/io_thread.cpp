#include "http/io_thread.hpp"

#include "http/connection.hpp"
#include "http/listener.hpp"

#include <caf/actor_system.hpp>
#include <caf/logger.hpp>
#include <caf/resumable.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>
#include <fmt/chrono.h>
#include <spdlog/spdlog.h>

#include <ctime>
#include <new>

namespace keyfold::http {

namespace {

constexpr auto tick_interval = std::chrono::milliseconds{50};
constexpr uint32_t ticks_per_reload = 20;
// What actors may take of a request's time here; the rest goes to the scheduler's workers.
constexpr auto actors_budget = std::chrono::microseconds{500};
constexpr size_t messages_per_actor = 16;

} // namespace

thread_local io_thread* io_thread::current_ = nullptr;

io_thread::io_thread(std::shared_ptr<service> shared)
    : caf::execution_unit(&shared->outside.system), metrics(shared->metrics.add_thread()),
      shared_(std::move(shared)), keep_running_(context_.get_executor()), ticker_(context_) {
  // The depth stays when the parser grows with larger bodies.
  if (json.allocate(16'384, shared_->settings.max_json_depth) != simdjson::SUCCESS)
    throw std::bad_alloc{};
}

io_thread::~io_thread() {
  stop();
}

void io_thread::start() {
  thread_ = std::thread{[this] { work(); }};
}

void io_thread::work() {
  CAF_SET_LOGGER_SYS(&system());
  system().thread_started();
  current_ = this;
  for (auto& x : listeners_)
    x->accept();
  tick();
  context_.run();
  for (auto& x : listeners_)
    x->close();
  // Closing a connection takes it out of the list.
  while (!connections_.empty())
    connections_.back()->close();
  // The handlers of what was closed.
  context_.restart();
  context_.poll();
  current_ = nullptr;
  system().thread_terminates();
}

void io_thread::stop() {
  {
    std::lock_guard guard{stop_mutex_};
    stopped_ = true;
  }
  context_.stop();
  if (thread_.joinable())
    thread_.join();
}

void io_thread::begin_drain() {
  run([self = shared_from_this()] {
    for (auto& x : self->listeners_)
      x->close();
    auto open = self->connections_;
    for (auto& x : open)
      x->begin_drain();
  });
}

void io_thread::add_listener(std::unique_ptr<listener> x) {
  listeners_.push_back(std::move(x));
}

void io_thread::add(std::shared_ptr<connection> x) {
  x->place = connections_.size();
  connections_.push_back(std::move(x));
  metrics.open.fetch_add(1, std::memory_order_relaxed);
}

void io_thread::remove(connection& x) {
  auto place = x.place;
  if (place >= connections_.size() || connections_[place].get() != &x)
    return;
  auto gone = std::move(connections_[place]); // alive until the list is in order
  connections_[place] = std::move(connections_.back());
  connections_.pop_back();
  if (place < connections_.size())
    connections_[place]->place = place;
  metrics.open.fetch_sub(1, std::memory_order_release);
}

void io_thread::tick() {
  auto now = clock::now();
  auto open = connections_; // a connection that is closed leaves the list
  for (auto& x : open)
    x->tick(now);
  if (++ticks_ % ticks_per_reload == 0)
    reload_secrets();
  ticker_.expires_after(tick_interval);
  ticker_.async_wait([this](boost::system::error_code problem) {
    if (!problem)
      tick();
  });
}

void io_thread::reload_secrets() {
  // Cheap for the threads that find nothing changed.
  if (shared_->tokens.enabled())
    if (auto done = shared_->tokens.reload_if_changed(); !done)
      spdlog::error("tokens not reloaded, the ones before stay in force: {}", done.error().message);
  if (shared_->tls.enabled())
    if (auto done = shared_->tls.reload_if_changed(); !done)
      spdlog::error("certificate not reloaded, the one before stays in use: {}",
                    done.error().message);
}

void io_thread::submit(std::shared_ptr<feature_query> query) {
  shared_->outside.gateway.submit(std::move(query), this);
  run_actors();
}

void io_thread::exec_later(caf::resumable* job) {
  jobs_.push_back(job);
}

void io_thread::run_actors() {
  if (jobs_.empty())
    return;
  auto& scheduler = system().scheduler();
  auto deadline = clock::now() + actors_budget;
  while (!jobs_.empty()) {
    auto* job = jobs_.front();
    jobs_.pop_front();
    if (clock::now() > deadline) {
      scheduler.enqueue(job);
      continue;
    }
    // As CAF's worker does: a job that is done or waits loses the reference it was queued with.
    switch (job->resume(this, messages_per_actor)) {
    case caf::resumable::resume_later:
    case caf::resumable::shutdown_execution_unit:
      scheduler.enqueue(job);
      break;
    case caf::resumable::done:
    case caf::resumable::awaiting_message:
      caf::intrusive_ptr_release(job);
      break;
    }
  }
}

std::string_view io_thread::date() {
  auto now = std::time(nullptr);
  if (now != date_second_ || date_.empty()) {
    date_second_ = now;
    date_ = fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", fmt::gmtime(now));
  }
  return date_;
}

} // namespace keyfold::http
