// States as a ledger may hold them: of every kind of view, made by folding rows and then damaged,
// or of bytes that were never a state.
#include "choices.hpp"
#include "config/plan.hpp"
#include "values.hpp"

#include <array>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <limits>
#include <numeric>
#include <string>

namespace {

using namespace keyfold;
using namespace std::chrono_literals;
using fuzz::choices;

constexpr event_time start{std::chrono::sys_days{std::chrono::year{2024} / 2 / 29}};

/// A view with the schemas of its inputs.
struct subject {
  std::shared_ptr<const view> of;
  std::vector<std::shared_ptr<const stream_schema>> inputs;
};

std::vector<subject> every_view() {
  std::ifstream file{KEYFOLD_SOURCE_DIR "/fuzz/corpus/definition/every_view.json"};
  std::string text{std::istreambuf_iterator<char>{file}, {}};
  auto plan =
      config::compile_plan(text, "fuzz.json", [](const std::string&) { return std::nullopt; });
  if (!plan)
    std::abort();
  std::vector<subject> out;
  for (const auto& x : plan->entities.front()->views) {
    auto& made = out.emplace_back(subject{x, {}});
    for (const auto& input : x->inputs())
      for (const auto& stream : plan->streams)
        if (stream.schema->name == input)
          made.inputs.push_back(stream.schema);
  }
  return out;
}

cell chosen_cell(const data_type& type, choices& from) {
  using double_limits = std::numeric_limits<double>;
  using integer_limits = std::numeric_limits<int64_t>;
  static constexpr std::array texts{"a", "b", "c", "d", "", "a text that is longer than most"};
  static constexpr std::array<int64_t, 8> integers{
      0, 1, 2, 3, 4, -1, integer_limits::min(), integer_limits::max()};
  static constexpr std::array reals{
      0.0, 1.0, -1.5, 2.25, 1e308, 5e-324, double_limits::infinity(), double_limits::quiet_NaN()};
  static constexpr std::array<int64_t, 5> decimals{0, 1, 125, 999'999'999, -999'999'999};
  static const std::array tags{cell::string("red"), cell{}, cell::string("")};
  auto choice = from.byte();
  if (choice % 16 == 15)
    return {};
  switch (type.kind) {
  case type_kind::string:
    return cell::string(texts[choice % texts.size()]);
  case type_kind::int64:
    return cell::integer(integers[choice % integers.size()]);
  case type_kind::float64:
    return cell::real(reals[choice % reals.size()]);
  case type_kind::decimal:
    return cell::decimal(decimals[choice % decimals.size()], type.scale);
  case type_kind::list:
    return cell::list(std::span{tags}.first(choice % (tags.size() + 1)));
  default:
    return cell::timestamp(start + 1s * choice);
  }
}

/// A key of one view, as its actor would drive it.
class key {
public:
  explicit key(const subject& x) : x_(x), sink_(*x.of), state_(x.of->make_state()) {}

  /// A row, or a step of the watermark.
  void step(choices& from) {
    auto what = from.byte();
    auto at = start + 250ms * static_cast<int16_t>(from.word());
    if (what % 4 == 0) {
      advance(at);
      return;
    }
    auto input = static_cast<uint32_t>(what / 4 % x_.inputs.size());
    std::vector<cell> row;
    for (const auto& field : x_.inputs[input]->fields)
      row.push_back(chosen_cell(field.type, from));
    event_batch batch{x_.inputs[input], std::move(row), {at}, arena{}};
    constexpr uint32_t first = 0;
    auto context = this->context();
    x_.of->fold(*state_, input, batch, {&first, 1}, context);
    wake_at_ = std::min(wake_at_, context.wake_at);
  }
  void advance(event_time to) {
    watermark_ = std::max(watermark_, to);
    if (wake_at_ > watermark_)
      return;
    auto context = this->context();
    x_.of->advance(*state_, context);
    wake_at_ = context.wake_at;
  }
  void read_everything() {
    arena memory;
    auto features = x_.of->features();
    std::vector<uint32_t> wanted(features.size());
    std::iota(wanted.begin(), wanted.end(), 0u);
    for (auto at : {watermark_, start, end_of_time}) {
      std::vector<feature_value> values(features.size());
      x_.of->read(*state_, at, wanted, values, memory);
      for (size_t i = 0; i < values.size(); ++i)
        fuzz::check_value(values[i].value, features[i].type);
      x_.of->read_all(*state_, at, memory, sink_);
    }
    x_.of->collect_changes(*state_, watermark_, sink_);
    x_.of->prefetch(*state_);
    if (!x_.of->empty(*state_) && x_.of->memory(*state_) == 0)
      std::abort();
  }
  std::string encode() const {
    std::string out;
    byte_writer writer{out};
    x_.of->encode(*state_, writer);
    return out;
  }
  bool decode(std::string_view bytes) {
    byte_reader in{bytes};
    auto context = this->context();
    auto decoded = x_.of->decode(in, context);
    if (!decoded)
      return false;
    state_ = std::move(decoded);
    wake_at_ = context.wake_at;
    return true;
  }

private:
  fold_context context() {
    scratch_.clear();
    fold_context out;
    out.watermark = watermark_;
    out.changes = x_.of->changes_at_once() ? &sink_ : nullptr;
    out.emissions = &sink_;
    out.counts = &counts_;
    out.scratch = &scratch_;
    return out;
  }

  const subject& x_;
  fuzz::checking_sink sink_;
  std::unique_ptr<view_state> state_;
  event_time watermark_ = beginning_of_time;
  event_time wake_at_ = end_of_time;
  fold_counts counts_;
  arena scratch_;
};

/// The bytes of a state that rows have made; they are read back as they were.
std::string true_state(key& x, choices& from, size_t steps) {
  for (size_t i = 0; i < steps; ++i)
    x.step(from);
  auto bytes = x.encode();
  if (!x.decode(bytes) || x.encode() != bytes)
    std::abort();
  return bytes;
}

void damage(std::string& bytes, choices& from, size_t places) {
  for (size_t i = 0; i < places && !bytes.empty(); ++i) {
    auto at = from.word() % bytes.size();
    bytes[at] = static_cast<char>(from.byte());
  }
}

} // namespace

/// What is accepted as a state can be read, gone on with, written and read again.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto views = every_view();
  if (size > 4096)
    return 0;
  choices from{data, size};
  const auto& chosen = views[from.byte() % views.size()];
  auto how = from.byte();
  key x{chosen};
  std::string bytes;
  if (how % 4 == 3) {
    bytes = from.text(4096);
  } else {
    bytes = true_state(x, from, how / 4);
    damage(bytes, from, how % 4);
  }
  if (!x.decode(bytes))
    return 0;
  x.read_everything();
  for (int i = 0; i < 4; ++i)
    x.step(from);
  x.advance(end_of_time);
  x.read_everything();
  if (!x.decode(x.encode()))
    std::abort();
  return 0;
}
