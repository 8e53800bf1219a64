#include "connectors/s2/answers.hpp"

#include <catch2/catch.hpp>

using namespace keyfold::s2;

TEST_CASE("s2 answers: records, with and without headers, body and tail") {
  read_batch batch;
  REQUIRE(parse_read_batch(
      R"({"records":[{"seq_num":0,"timestamp":1700000000000,"headers":[["a2V5","dTE="]],"body":"AAEC/w=="},
         {"seq_num":1,"timestamp":5,"headers":[["","ZmVuY2U="]],"body":"dG9r"},
         {"seq_num":7,"timestamp":9}],"tail":{"seq_num":8,"timestamp":9}})",
      batch));
  REQUIRE(batch.records.size() == 3);
  const auto& first = batch.records[0];
  CHECK(first.number == 0);
  CHECK(first.timestamp_ms == 1'700'000'000'000);
  CHECK(batch.view(first.body) == std::string_view{"\x00\x01\x02\xff", 4});
  CHECK(batch.find(first, "key") == "u1");
  CHECK_FALSE(batch.find(first, "KEY"));
  CHECK_FALSE(batch.is_command(first));
  CHECK(batch.is_command(batch.records[1]));
  CHECK(batch.view(batch.records[2].body).empty());
  CHECK_FALSE(batch.is_command(batch.records[2]));
  CHECK(batch.tail == 8);
}

TEST_CASE("s2 answers: the next batch replaces the one before") {
  read_batch batch;
  REQUIRE(parse_read_batch(R"({"records":[{"seq_num":0,"timestamp":1,"body":"eA=="}],
                               "tail":{"seq_num":1,"timestamp":1}})",
                           batch));
  REQUIRE(parse_read_batch(R"({"records":[]})", batch));
  CHECK(batch.records.empty());
  CHECK_FALSE(batch.tail);
}

TEST_CASE("s2 answers: what is no batch is refused with its place") {
  for (std::string_view bad :
       {"", "[]", "{}", R"({"records":7})", R"({"records":[7]})",
        R"({"records":[{"timestamp":1}]})", R"({"records":[{"seq_num":-1,"timestamp":1}]})",
        R"({"records":[{"seq_num":9223372036854775808,"timestamp":1}]})",
        R"({"records":[{"seq_num":1}]})", R"({"records":[{"seq_num":1,"timestamp":1,"body":7}]})",
        R"({"records":[{"seq_num":1,"timestamp":1,"body":"*"}]})",
        R"({"records":[{"seq_num":1,"timestamp":1,"headers":{}}]})",
        R"({"records":[{"seq_num":1,"timestamp":1,"headers":[["a2V5"]]}]})",
        R"({"records":[{"seq_num":1,"timestamp":1,"headers":[["a2V5","?"]]}]})",
        R"({"records":[],"tail":{}})", R"({"records":[{"seq_num":1,"timestamp":1}])"}) {
    INFO(bad);
    read_batch batch;
    auto read = parse_read_batch(bad, batch);
    CHECK_FALSE(read);
    CHECK(batch.records.empty());
  }
  read_batch batch;
  auto read = parse_read_batch(R"({"records":[{"seq_num":12,"timestamp":1,"body":"*"}]})", batch);
  CHECK(read.error().message == "record 12: `body` is no base64");
}

TEST_CASE("s2 answers: streams, but those being deleted") {
  auto list = parse_stream_list(
      R"({"streams":[{"name":"in/0","created_at":"x","deleted_at":null},
                     {"name":"in/1","deleted_at":"2024-01-01T00:00:00Z"}],"has_more":true})");
  REQUIRE(list);
  CHECK(list->names == std::vector<std::string>{"in/0"});
  CHECK(list->last == "in/1");
  CHECK(list->more);
  // Without an end to go on from there would be no end of asking.
  CHECK_FALSE(parse_stream_list(R"({"streams":[],"has_more":true})")->more);
  CHECK_FALSE(parse_stream_list(R"({"streams":[{}],"has_more":false})"));
  CHECK_FALSE(parse_stream_list("nothing"));
}

TEST_CASE("s2 answers: positions, refusals and mismatches") {
  CHECK(parse_position(R"({"tail":{"seq_num":2,"timestamp":7}})", "tail") == 2);
  CHECK_FALSE(parse_position(R"({"tail":{"seq_num":"2"}})", "tail"));
  CHECK_FALSE(parse_position(R"({"end":{"seq_num":2}})", "tail"));
  CHECK(error_of(R"({"code":"stream_not_found","message":"no"})").code == "stream_not_found");
  CHECK(error_of("<html>").message.empty());
  CHECK(mismatch_of(R"({"seq_num_mismatch":2})").number == 2);
  CHECK(mismatch_of(R"({"fencing_token_mismatch":"tok1"})").token == "tok1");
  CHECK_FALSE(mismatch_of("[]").number);
}
