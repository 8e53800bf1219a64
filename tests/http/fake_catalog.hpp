#pragma once

#include "messages/feature_query.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace keyfold::http::test {

/// A view that only names its features; the fake gateway makes up their values.
class fake_view final : public view {
public:
  fake_view(std::string name, std::vector<feature_info> features, bool open = false)
      : name_(std::move(name)), features_(std::move(features)), open_(open) {}

  const std::string& name() const noexcept override { return name_; }
  std::string_view kind() const noexcept override { return "fake"; }
  std::span<const std::string> inputs() const noexcept override { return inputs_; }
  std::span<const feature_info> features() const noexcept override { return features_; }
  const change_schema& changes() const noexcept override { return changes_; }
  const std::string& fingerprint() const noexcept override { return name_; }
  std::unique_ptr<view_state> make_state() const override { return nullptr; }
  void fold(view_state&, uint32_t, const event_batch&, std::span<const uint32_t>,
            fold_context&) const override {}
  void advance(view_state&, fold_context&) const override {}
  void read(const view_state&, event_time, std::span<const uint32_t>, std::span<feature_value>,
            arena&) const override {}
  void read_all(const view_state&, event_time, arena&, feature_sink&) const override {}
  bool open() const noexcept override { return open_; }
  void collect_changes(view_state&, event_time, change_sink&) const override {}
  void encode(const view_state&, byte_writer&) const override {}
  std::unique_ptr<view_state> decode(byte_reader&, fold_context&) const override { return nullptr; }
  bool empty(const view_state&) const noexcept override { return true; }
  size_t memory(const view_state&) const noexcept override { return 0; }

private:
  std::string name_;
  std::vector<feature_info> features_;
  std::vector<std::string> inputs_{"events"};
  change_schema changes_;
  bool open_;
};

inline data_type type_of(type_kind kind) {
  data_type x;
  x.kind = kind;
  return x;
}

inline std::vector<feature_info> reals(std::initializer_list<const char*> names) {
  std::vector<feature_info> result;
  for (const auto* name : names)
    result.push_back({name, type_of(type_kind::float64)});
  return result;
}

/// Entities: `user` (user_id: int64) with views user_stats (f0…f9) and recent (f0, clicks);
/// `merchant` (merchant_id: string) with the open view seen (total); `pair` (user_id: int64,
/// merchant_id: string) with view pair_stats (cnt, amt). Service `user_service`: user_stats:f1, f0.
/// Computed: of `user`, `scaled` (f1_scaled, f1_unit) with the parameters scale and unit; of
/// `pair`, `totals` (per_unit). Service `scaled_service`: user_stats:f1, scaled:f1_scaled.
inline std::shared_ptr<const feature_catalog> make_catalog() {
  auto catalog = std::make_shared<feature_catalog>();
  auto user_id = column{"user_id", type_of(type_kind::int64)};
  auto merchant_id = column{"merchant_id", type_of(type_kind::string)};
  auto add = [&](std::string name, std::vector<column> key,
                 std::vector<std::shared_ptr<const view>> views) {
    auto entity = std::make_shared<entity_definition>();
    entity->name = std::move(name);
    entity->key = std::move(key);
    entity->views = std::move(views);
    entity->inputs.push_back({"events", {0}, {{0, 0}}});
    catalog->entities.push_back(std::move(entity));
  };
  add("user", {user_id},
      {std::make_shared<fake_view>(
           "user_stats", reals({"f0", "f1", "f2", "f3", "f4", "f5", "f6", "f7", "f8", "f9"})),
       std::make_shared<fake_view>("recent", reals({"f0", "clicks"}))});
  add("merchant", {merchant_id}, {std::make_shared<fake_view>("seen", reals({"total"}), true)});
  add("pair", {user_id, merchant_id},
      {std::make_shared<fake_view>("pair_stats", reals({"cnt", "amt"}))});
  auto expression_of = [](const char* text, const scope& columns) {
    return std::move(compile_expression(text, columns).value());
  };
  auto real = type_of(type_kind::float64);
  auto text = type_of(type_kind::string);
  catalog->on_demand.push_back(
      {"scaled",
       0,
       {{0, 1}, {1, 1}},
       {{"scale", real}, {"unit", text}},
       {{"f1_scaled",
         expression_of("f1 * scale + clicks",
                       {{"f1", real}, {"clicks", real}, {"scale", real}, {"unit", text}})},
        {"f1_unit",
         expression_of("unit || '!'",
                       {{"f1", real}, {"clicks", real}, {"scale", real}, {"unit", text}})}}});
  catalog->on_demand.push_back(
      {"totals",
       2,
       {{0, 0}, {0, 1}},
       {},
       {{"per_unit", expression_of("amt / cnt", {{"cnt", real}, {"amt", real}})}}});
  catalog->services.push_back({"user_service", {{0, {0, 1}}, {0, {0, 0}}}});
  catalog->services.push_back({"scaled_service", {{0, {0, 1}}, {0, {0, 0}, 0}}});
  return catalog;
}

} // namespace keyfold::http::test
