#include "connectors/s2/stream_discovery.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace keyfold::s2 {
namespace {

constexpr size_t max_answer_bytes = 16u << 20;
/// While there is no stream at all.
constexpr std::chrono::milliseconds impatience{2000};

} // namespace

void stream_discovery::ask(const std::string& after) {
  transfer_ = with_.transfers.begin(with_.requests.list(*with_.settings.prefix, after),
                                    {with_.settings.basin.http.timeout, {}, max_answer_bytes});
}

bool stream_discovery::advance(clock::time_point now) {
  if (!with_.settings.prefix || finished_)
    return false;
  if (transfer_ == nullptr) {
    if (now >= next_at_) {
      found_.clear();
      beyond_ = 0;
      ask({});
    }
    return false;
  }
  return transfer_->ended() && take_answer(now);
}

bool stream_discovery::take_answer(clock::time_point now) {
  auto status = transfer_->status();
  if (!transfer_->failure().empty() || status != status::good) {
    failed(now, transfer_->failure().empty() ? refusal(status, transfer_->waiting())
                                             : transfer_->failure());
    return false;
  }
  auto list = parse_stream_list(transfer_->waiting());
  if (!list) {
    failed(now, list.error().message);
    return false;
  }
  for (auto& name : list->names) {
    if (found_.size() < with_.settings.max_streams)
      found_.insert(std::move(name));
    else
      ++beyond_;
  }
  if (list->more) {
    ask(list->last);
    return false;
  }
  complete(now);
  return true;
}

void stream_discovery::complete(clock::time_point now) {
  transfer_.reset();
  backoff_.reset();
  names_ = std::move(found_);
  const auto& prefix = *with_.settings.prefix;
  with_.problems.clear("discovery");
  with_.metrics.refused_streams.Set(static_cast<double>(beyond_));
  if (beyond_ > 0) {
    auto sentence = fmt::format("{} streams begin with \"{}\", more than max_streams: {} of them "
                                "are not read; raise it",
                                names_.size() + beyond_, prefix, beyond_);
    if (with_.problems.set("discovery", sentence))
      spdlog::warn("{}: {}", with_.owner, sentence);
  }
  auto pause = with_.settings.discover_every;
  if (names_.empty()) {
    with_.problems.set("discovery", fmt::format("no stream of basin \"{}\" begins with \"{}\": "
                                                "create one; looking again",
                                                with_.settings.basin.basin, prefix));
    pause = std::min(pause, impatience);
  }
  next_at_ = now + pause;
}

void stream_discovery::failed(clock::time_point now, const std::string& why) {
  with_.metrics.errors.Increment();
  auto sentence = fmt::format("the streams of basin \"{}\" cannot be listed: {}",
                              with_.settings.basin.basin, why);
  if (with_.problems.set("discovery", sentence))
    spdlog::warn("{}: {}", with_.owner, sentence);
  next_at_ = now + backoff_.next(transfer_->retry_after());
  transfer_.reset();
}

} // namespace keyfold::s2
