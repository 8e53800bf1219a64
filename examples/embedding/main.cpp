// A program of actors with a feature pipeline inside: docs/embedding.md goes through it.
// usage: keyfold_embedding DEFINITION     with the ledger's path in the environment variable LEDGER

#include "app/wiring.hpp"
#include "http/server.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace std::chrono_literals;

/// The program's own. Its actors and the pipeline's share one system.
struct shop_config : caf::actor_system_config {
  shop_config() {
    // CAF's default, `stealing`, has idle workers look for work every 50 µs.
    set("scheduler.policy", caf::atom("sharing"));
  }
};

int failed(std::string_view why) {
  fmt::print(stderr, "{}\n", why);
  return 1;
}

/// An actor that answers a shopper's name with the name and the value of feature 0 of view 0, 0 if
/// there is none. It must have ended before `pipeline` does.
caf::behavior features_reader(caf::event_based_actor* self, keyfold::feature_gateway* pipeline) {
  return {[=](const std::string& shopper) {
    auto query = std::make_shared<keyfold::feature_query>();
    query->entity = 0;
    query->keys = {shopper};
    query->wanted = {{0, 0}};
    // Runs on whichever thread answers last, so it only sends.
    query->done = [asker = caf::actor_cast<caf::actor>(self->current_sender())](auto& answered) {
      const auto& feature = answered.answers[0].values[0];
      auto present = feature.status == keyfold::feature_status::present;
      caf::anon_send(asker, answered.keys[0], present ? feature.value.as_real() : 0.0);
    };
    pipeline->submit(std::move(query), self->context());
  }};
}

/// Pushes two clicks of `ann`, five seconds apart, and returns true once the ledger has them.
bool push_clicks(keyfold::engine& pipeline, keyfold::push_endpoint& push) {
  using outcome = keyfold::push_outcome::kind;
  constexpr auto waits = outcome::unknown_stream; // none of this program's
  for (;;) {
    auto became = std::make_shared<std::atomic<outcome>>(waits);
    push.push("clicks",
              {R"({"shopper":"ann","at":1707605599})", R"({"shopper":"ann","at":1707605604})"},
              true, [became](const keyfold::push_outcome& x) { *became = x.what; });
    while (*became == waits)
      if (pipeline.wait(10ms)) // the pipeline's clock: epochs end only while somebody waits
        return false;
    if (*became != outcome::not_started)
      return *became == outcome::done;
  }
}

/// How many clicks of `ann` count by now, as an actor of the same system says.
double clicks_of_ann(caf::actor_system& system, keyfold::engine& pipeline) {
  caf::scoped_actor self{system};
  auto reader = self->spawn(features_reader, &pipeline);
  auto value = 0.0;
  self->send(reader, std::string{"ann"});
  self->receive([&](const std::string& shopper, double clicks) {
    fmt::print("{}: {}\n", shopper, clicks);
    value = clicks;
  });
  self->send_exit(reader, caf::exit_reason::user_shutdown);
  self->wait_for(reader);
  return value;
}

/// Two clicks more count for what they should, whatever earlier runs have left in the ledger.
bool push_and_read(caf::actor_system& system, keyfold::engine& pipeline,
                   keyfold::push_endpoint& push) {
  auto before = clicks_of_ann(system, pipeline);
  if (!push_clicks(pipeline, push))
    return false;
  // One is five seconds old when the other comes, and the time constant is ten.
  auto expected = 1 + std::exp(-0.5);
  return std::abs(clicks_of_ann(system, pipeline) - before - expected) < 1e-12;
}

} // namespace

int main(int count, char** arguments) {
  if (count != 2)
    return failed("usage: keyfold_embedding DEFINITION");
  auto plan = keyfold::load_plan(arguments[1]);
  if (!plan)
    return failed(plan.error().messages.front());
  auto metrics = std::make_shared<keyfold::metrics_registry>();
  auto wired = keyfold::wire(*plan, false, metrics);
  if (!wired)
    return failed(wired.error().message);

  shop_config config;
  caf::actor_system system{config};
  keyfold::readiness ready;
  keyfold::engine pipeline{system, std::move(wired->engine), metrics, ready};
  if (auto started = pipeline.start(); !started)
    return failed(started.error().message);
  keyfold::http::server server{
      wired->serving, {system, pipeline, wired->catalog, wired->push.get(), ready, metrics}};
  auto port = server.start();
  if (!port)
    return failed(port.error().message);
  fmt::print("http://127.0.0.1:{}/v1/entities/shopper/ann\n", *port);

  auto good = push_and_read(system, pipeline, *wired->push);

  server.begin_drain();
  auto stopped = pipeline.stop(5s);
  server.drain();
  server.stop();
  if (!stopped)
    return failed(stopped.error().message);
  return good ? 0 : failed("the clicks were not pushed, or their value is another");
}
