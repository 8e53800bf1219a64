#include "publishing.hpp"
#include "reading.hpp"

#include <catch2/catch.hpp>

using namespace keyfold;
using namespace keyfold::s2;
using namespace keyfold::s2::test;

TEST_CASE("s2 TLS: a certificate that is trusted is needed, of outputs and sources") {
  tls_server server;
  auto to = test_output(server.url());
  {
    publishing x{to};
    auto opened = x.target().open();
    REQUIRE_FALSE(opened);
    CHECK(opened.error().message.find("certificate") != std::string::npos);
    CHECK_FALSE(x.target().fatal());
  }
  to.basin.http.ca_certificate = server.certificate();
  publishing x{to};
  x.open();
  x.upserts(0, 1500);
  CHECK(x.publish(1) == "");

  auto from = test_settings(to.stream, server.url());
  {
    reading untrusting{from};
    CHECK_FALSE(untrusting.rows(1, 1));
    CHECK(untrusting.reason().find("certificate") != std::string::npos);
  }
  from.basin.http.ca_certificate = server.certificate();
  reading y{from};
  // Its rows are no events of this schema: what matters is that they came.
  CHECK(y.until([&] { return y.records == 1501; }));
}
