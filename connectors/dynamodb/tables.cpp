#include "connectors/dynamodb/tables.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include <thread>

namespace keyfold::dynamodb {

namespace {

using nlohmann::json;
using key_attributes = std::vector<item_writer::key_attribute>;

constexpr auto look_again = std::chrono::milliseconds{250};

std::string text(const json& at, const char* name) {
  auto found = at.is_object() ? at.find(name) : at.end();
  return found != at.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

json member(const json& at, const char* name) {
  auto found = at.is_object() ? at.find(name) : at.end();
  return found != at.end() ? *found : json{};
}

std::string key_text(const key_attributes& key) {
  std::string out;
  for (const auto& x : key)
    out += fmt::format("{}`{}` ({})", out.empty() ? "" : " and ", x.name, x.type);
  return out;
}

/// The partition key, then the sort key.
key_attributes key_of(const json& table) {
  key_attributes out;
  for (const auto* kind : {"HASH", "RANGE"})
    for (const auto& x : member(table, "KeySchema")) {
      if (text(x, "KeyType") != kind)
        continue;
      auto& made = out.emplace_back(item_writer::key_attribute{text(x, "AttributeName"), '?'});
      for (const auto& known : member(table, "AttributeDefinitions"))
        if (text(known, "AttributeName") == made.name && !text(known, "AttributeType").empty())
          made.type = text(known, "AttributeType").front();
    }
  return out;
}

bool same(const key_attributes& a, const key_attributes& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.name == y.name && x.type == y.type;
  });
}

} // namespace

const key_attributes& tables::marker_key() {
  static const key_attributes key{{"pipeline", 'S'}};
  return key;
}

tl::unexpected<table_problem> tables::problem(const judgement& said, const std::string& table,
                                              std::string_view doing) const {
  auto todo = remedy(said.what, table, region_);
  return tl::unexpected{
      table_problem{fmt::format("table `{}` at {} cannot be {}: {}{}{}", table, service_.endpoint(),
                                doing, said.why, todo.empty() ? "" : ": ", todo),
                    false}};
}

tl::expected<void, table_problem> tables::check(const std::string& name, const key_attributes& key,
                                                bool create_missing,
                                                const std::function<bool()>& keep_waiting) {
  auto asked = json{{"TableName", name}}.dump();
  for (;;) {
    auto reply = service_.call("DescribeTable", asked);
    if (reply.said.what == verdict::no_table && create_missing) {
      if (auto made = create(name, key); !made)
        return made;
      continue;
    }
    if (reply.said.what != verdict::done)
      return problem(reply.said, name, "looked at");
    auto table = member(json::parse(reply.body, nullptr, false), "Table");
    auto found = key_of(table);
    if (!same(found, key))
      return tl::unexpected{table_problem{
          fmt::format("table `{}` has the key {}, and the definition makes {}: set "
                      "`partition_key`, `sort_key` and the types of their columns, or take "
                      "another table",
                      name, key_text(found), key_text(key)),
          true}};
    auto status = text(table, "TableStatus");
    if (status == "ACTIVE" || status == "UPDATING")
      return {};
    if (!keep_waiting())
      return tl::unexpected{
          table_problem{fmt::format("table `{}` is {}; waiting for it", name, status), false}};
    std::this_thread::sleep_for(look_again);
  }
}

tl::expected<void, table_problem> tables::create(const std::string& name,
                                                 const key_attributes& key) {
  json asked{{"TableName", name},
             {"BillingMode", "PAY_PER_REQUEST"},
             {"KeySchema", json::array()},
             {"AttributeDefinitions", json::array()}};
  for (const auto& x : key) {
    asked["KeySchema"].push_back(
        {{"AttributeName", x.name}, {"KeyType", &x == &key.front() ? "HASH" : "RANGE"}});
    asked["AttributeDefinitions"].push_back(
        {{"AttributeName", x.name}, {"AttributeType", std::string(1, x.type)}});
  }
  auto reply = service_.call("CreateTable", asked.dump());
  // Somebody else may have been faster.
  if (reply.said.what != verdict::done && reply.said.what != verdict::busy_table)
    return problem(reply.said, name, "made");
  spdlog::info("DynamoDB table `{}` made, with the key {}", name, key_text(key));
  return {};
}

tl::expected<uint64_t, table_problem> tables::read_marker(const std::string& table,
                                                          const std::string& pipeline) {
  json asked{
      {"TableName", table}, {"Key", {{"pipeline", {{"S", pipeline}}}}}, {"ConsistentRead", true}};
  auto reply = service_.call("GetItem", asked.dump());
  if (reply.said.what != verdict::done)
    return problem(reply.said, table, "read");
  auto item = member(json::parse(reply.body, nullptr, false), "Item");
  if (!item.is_object())
    return uint64_t{0};
  auto number = text(member(item, "epoch"), "N");
  constexpr size_t most_digits = 18;
  if (number.empty() || number.size() > most_digits
      || number.find_first_not_of("0123456789") != std::string::npos)
    return tl::unexpected{table_problem{
        fmt::format("the item `{}` of table `{}` is no marker of keyfold's: delete it, or choose "
                    "another table",
                    pipeline, table),
        true}};
  return std::stoull(number);
}

tl::expected<void, table_problem>
tables::write_marker(const std::string& table, const std::string& pipeline, uint64_t epoch) {
  json number{{"N", std::to_string(epoch)}};
  json asked{{"TableName", table},
             {"Item", {{"pipeline", {{"S", pipeline}}}, {"epoch", number}}},
             {"ConditionExpression", "attribute_not_exists(#e) OR #e <= :e"},
             {"ExpressionAttributeNames", {{"#e", "epoch"}}},
             {"ExpressionAttributeValues", {{":e", number}}}};
  auto reply = service_.call("PutItem", asked.dump());
  if (reply.said.what == verdict::held)
    return tl::unexpected{table_problem{
        fmt::format("the marker `{}` in table `{}` is newer than epoch {}: another process writes "
                    "as this output; make sure that only one runs",
                    pipeline, table, epoch),
        false}};
  if (reply.said.what != verdict::done)
    return problem(reply.said, table, "written");
  return {};
}

} // namespace keyfold::dynamodb
