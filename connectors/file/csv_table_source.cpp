#include "connectors/file/csv_table_source.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <pthread.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace keyfold {

namespace {

/// How often the file is looked at, for what the watch does not see.
constexpr std::chrono::milliseconds look_every{1000};
constexpr std::chrono::milliseconds look_often{20};

/// A descriptor that is closed at the end.
class open_file {
public:
  explicit open_file(const std::string& path)
      : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  open_file(const open_file&) = delete;
  open_file& operator=(const open_file&) = delete;
  ~open_file() {
    if (descriptor_ >= 0)
      ::close(descriptor_);
  }
  int descriptor() const noexcept { return descriptor_; }

private:
  int descriptor_;
};

} // namespace

csv_table_source::csv_table_source(csv_table_settings settings,
                                   std::shared_ptr<metrics_registry> metrics,
                                   std::shared_ptr<dead_letter_queue> letters)
    : settings_(std::move(settings)), registry_(std::move(metrics)), queue_(std::move(letters)),
      metrics_(*registry_, settings_.held->name()), watch_(settings_.path) {
  settings_.format.what = "table";
}

csv_table_source::~csv_table_source() {
  stop();
}

/// Looks at the file; whether it has been as it is for long enough to be whole.
bool csv_table_source::settled() {
  auto now = state_of(settings_.path);
  if (!(now == seen_)) {
    seen_ = now;
    since_ = clock::now();
  }
  return clock::now() - since_ >= settings_.settle;
}

result<void> csv_table_source::load() {
  seen_ = state_of(settings_.path);
  since_ = clock::now();
  // A file that has been there for a while is whole.
  auto age = std::chrono::system_clock::now().time_since_epoch()
             - std::chrono::nanoseconds{seen_.changed_ns};
  if (!seen_.exists || age >= settings_.settle)
    since_ -= settings_.settle;
  std::string why;
  for (auto until = clock::now() + most_writing; clock::now() < until;) {
    if (!settled()) {
      std::this_thread::sleep_for(std::min(look_often, settings_.settle));
      continue;
    }
    auto tried = try_load(why);
    if (tried == attempt::loaded)
      return {};
    if (tried == attempt::refused)
      return fail(why);
  }
  return fail(fmt::format("table `{}`: `{}` has been written to for {} s on end: start when it is "
                          "complete, or write it elsewhere and rename it",
                          settings_.held->name(), settings_.path, most_writing.count()));
}

csv_table_source::attempt csv_table_source::refuse(load_failure reason, std::string sentence,
                                                   std::string& why) {
  metrics_.failed(reason);
  why = std::move(sentence);
  return attempt::refused;
}

csv_table_source::attempt csv_table_source::try_load(std::string& why) {
  auto unreadable = [&](const std::string& what) {
    return refuse(load_failure::unreadable,
                  fmt::format("table `{}`: `{}` {}", settings_.held->name(), settings_.path, what),
                  why);
  };
  tried_ = seen_;
  open_file file{settings_.path};
  if (file.descriptor() < 0) {
    auto reason = errno;
    return unreadable(reason == ENOENT
                          ? "is not there: put the file there, or correct the table's `path`"
                          : "cannot be opened: " + std::generic_category().message(reason)
                                + ": is it a file, and yours to read?");
  }
  if (!(state_of(file.descriptor()) == tried_))
    return attempt::changing;
  if (tried_.size == 0)
    return unreadable("is empty: a table without rows has a header, or an empty line");
  auto made = load_csv(settings_, file.descriptor());
  if (!(state_of(file.descriptor()) == tried_))
    return attempt::changing;
  if (!made)
    return refuse(made.error().reason, std::move(made.error().sentence), why);
  publish(std::move(*made));
  return attempt::loaded;
}

void csv_table_source::publish(loaded_csv made) {
  auto bad = made.bad_rows.size();
  std::move(made.bad_rows.begin(), made.bad_rows.end(), std::back_inserter(letters_));
  settings_.held->publish(std::move(made.rows));
  auto now = settings_.held->current();
  metrics_.loaded(*now, bad, made.duplicate_keys);
  hand_over_letters();
  spdlog::info("table {}: {} rows of {}, version {}, {} bytes{}", settings_.held->name(),
               now->rows(), settings_.path, now->version(), now->memory(),
               bad == 0 ? "" : fmt::format("; {} rows cannot be read: see the dead letters", bad));
}

/// Whether all dead letters are on their way.
bool csv_table_source::hand_over_letters() {
  auto gone = letters_.empty() || queue_->offer(letters_);
  if (!gone && !std::exchange(letters_waited_, true))
    metrics_.stalled();
  letters_waited_ = letters_waited_ && !gone;
  return gone;
}

void csv_table_source::start() {
  thread_ = std::thread{[this] { follow(); }};
}

void csv_table_source::follow() {
  ::pthread_setname_np(::pthread_self(), ("table " + settings_.held->name()).substr(0, 15).c_str());
  while (!stopping_.load()) {
    metrics_.show_age();
    // Until the letters of one load are gone there is no other: what waits has a bound.
    auto room = hand_over_letters();
    if (settled() && room && !(seen_ == tried_)) {
      std::string why;
      auto tried = try_load(why);
      if (tried == attempt::refused)
        spdlog::warn("{}; the rows of version {} stay", why, settings_.held->current()->version());
      if (tried == attempt::changing)
        tried_ = {};
    }
    watch_.wait(seen_ == tried_ ? look_every
                                : std::clamp(settings_.settle, look_often, look_every));
  }
}

void csv_table_source::stop() {
  stopping_.store(true);
  watch_.interrupt();
  if (thread_.joinable())
    thread_.join();
}

} // namespace keyfold
