#include "actors/flow_gate.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <thread>

using namespace keyfold;
using namespace std::chrono_literals;

TEST_CASE("flow_gate: a reader goes while there is credit and waits when it is used up",
          "[actors]") {
  flow_gate gate{100};
  CHECK(gate.enter(0ms) == flow_gate::entry::go);
  gate.admit(100);
  CHECK(gate.enter(1ms) == flow_gate::entry::held);
  CHECK(gate.stalls() == 1);
  std::thread releaser{[&] {
    std::this_thread::sleep_for(5ms);
    gate.release(60);
  }};
  CHECK(gate.enter(5s) == flow_gate::entry::go);
  releaser.join();
  CHECK(gate.in_flight() == 40);
}

TEST_CASE("flow_gate: a closed gate holds readers until it opens", "[actors]") {
  flow_gate gate{100};
  gate.close();
  CHECK(gate.enter(0ms) == flow_gate::entry::held);
  CHECK(gate.closing() == 1);
  gate.close();
  CHECK(gate.closing() == 2);
  gate.open();
  CHECK_FALSE(gate.closed());
  CHECK(gate.enter(0ms) == flow_gate::entry::go);
}

TEST_CASE("flow_gate: tells once when nothing is in flight any more", "[actors]") {
  flow_gate gate{100};
  int drained = 0;
  gate.when_drained([&] { ++drained; });
  CHECK(drained == 1);
  gate.admit(3);
  gate.admit(4);
  gate.when_drained([&] { ++drained; });
  gate.release(3);
  CHECK(drained == 1);
  gate.release(4);
  CHECK(drained == 2);
  gate.admit(1);
  gate.release(1);
  CHECK(drained == 2);
}

TEST_CASE("flow_gate: stopping sends all readers away, held ones too", "[actors]") {
  flow_gate gate{1};
  gate.admit(1);
  gate.close();
  gate.stop();
  CHECK(gate.enter(5s) == flow_gate::entry::stopping);
  gate.await_open(5s);
}
