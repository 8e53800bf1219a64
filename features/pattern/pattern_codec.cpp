#include "features/pattern/pattern_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

namespace keyfold::patterns {

namespace {

constexpr uint8_t format_version = 1;

/// The nodes of all matches, each once, none before the one it stands on; and their rows.
class node_table {
public:
  explicit node_table(const pattern_state& state) {
    for (const auto& x : state.partial)
      collect(x.last.get());
    for (const auto& x : state.complete)
      collect(x.last.get());
    std::stable_sort(nodes_.begin(), nodes_.end(),
                     [](const auto* a, const auto* b) { return a->sequence() < b->sequence(); });
    for (uint32_t i = 0; i < nodes_.size(); ++i)
      numbers_[nodes_[i]] = i;
  }

  uint32_t number(const match_node* node) const { return numbers_.at(node); }

  void encode(byte_writer& out) const {
    uint64_t rows = 0;
    for (size_t i = 0; i < nodes_.size(); ++i)
      rows += begins_row(i) ? 1 : 0;
    out.varint(rows);
    for (size_t i = 0; i < nodes_.size(); ++i)
      if (begins_row(i))
        nodes_[i]->row().encode(out);
    out.varint(nodes_.size());
    for (size_t i = 0; i < nodes_.size(); ++i) {
      const auto* previous = nodes_[i]->previous();
      out.u8(begins_row(i) ? 1 : 0);
      out.varint(previous == nullptr ? 0 : number(previous) + 1);
      out.varint(nodes_[i]->variable());
    }
  }

private:
  void collect(const match_node* node) {
    for (; node != nullptr && numbers_.try_emplace(node, 0).second; node = node->previous())
      nodes_.push_back(node);
  }
  /// Whether the node's row is another one than that of the node before.
  bool begins_row(size_t i) const {
    return i == 0 || nodes_[i]->sequence() != nodes_[i - 1]->sequence();
  }

  std::vector<const match_node*> nodes_;
  std::unordered_map<const match_node*, uint32_t> numbers_;
};

void describe(const pattern_element& x, std::string& out) {
  out += fmt::format("({} {} {} {} {} {} {} {} {} {} ", x.variable ? *x.variable + 1 : 0,
                     x.alternatives, static_cast<int>(x.link), static_cast<int>(x.negated), x.least,
                     x.most.value_or(0), x.optional, static_cast<int>(x.loop),
                     static_cast<int>(x.prefer), x.until ? *x.until + 1 : 0);
  for (const auto& part : x.parts)
    describe(part, out);
  out += ')';
}

void describe(std::string_view text, std::string& out) {
  out += fmt::format("{}:{} ", text.size(), text);
}

} // namespace

std::string fingerprint_of(const pattern_settings& settings, const program& code) {
  auto out = fmt::format("pattern {} ", format_version);
  describe(settings.stream, out);
  describe(settings.pattern, out);
  for (const auto& x : settings.variables) {
    describe(x.name, out);
    out += fmt::format("{} ", x.condition ? *x.condition + 1 : 0);
  }
  for (const auto& x : settings.conditions)
    describe(x, out);
  for (size_t i = 0; i < settings.measures.size(); ++i) {
    describe(settings.measures[i].name, out);
    describe(settings.measures[i].text, out);
    describe(to_string(code.measures[i].value.type()), out);
  }
  describe(settings.where_text, out);
  out += fmt::format("{} {} {} {} {} {} {} ", settings.within ? settings.within->count() : -1,
                     settings.within_inclusive, static_cast<int>(settings.after), settings.skip_to,
                     settings.lenient_skip, settings.possessive,
                     settings.time_to_live ? settings.time_to_live->count() : -1);
  for (auto column : code.kept_columns) {
    describe(settings.columns[column].name, out);
    describe(to_string(settings.columns[column].type), out);
  }
  return out;
}

void pattern_view::encode(const state_type& own, byte_writer& out) const {
  own.waiting.encode(code_.kept_types, out);
  out.varint(own.rows);
  out.time(own.newest);
  out.varint(own.match_count);
  out.u8(own.published ? 1 : 0);
  if (own.match_count != 0)
    own.last_match->encode(out);
  node_table table{own};
  table.encode(out);
  out.varint(own.partial.size());
  for (const auto& x : own.partial) {
    out.varint(table.number(x.last.get()));
    out.varint(x.start);
    out.time(x.started);
    out.varint(x.position);
    out.varint(x.alive);
    out.u8(x.fresh ? 1 : 0);
  }
  out.varint(own.complete.size());
  for (const auto& x : own.complete) {
    out.varint(table.number(x.last.get()));
    out.varint(x.start);
  }
}

std::unique_ptr<pattern_state> pattern_view::decode(byte_reader& in, arena& scratch) const {
  auto state = std::make_unique<pattern_state>(code_.kept_types.size());
  if (!decode_into(*state, in, scratch) || !in.good())
    return nullptr;
  return state;
}

bool pattern_view::decode_into(pattern_state& state, byte_reader& in, arena& scratch) const {
  if (!state.waiting.decode(code_.kept_types, ~uint64_t{0}, in, scratch))
    return false;
  state.rows = in.varint();
  state.newest = in.time();
  state.match_count = in.varint();
  state.published = in.u8() != 0;
  if (in.good() && state.match_count != 0) {
    state.last_match = buffered_row::decode(in, measure_types_, scratch);
    if (!state.last_match)
      return false;
  }
  auto nodes = decode_nodes(state, in, scratch);
  return in.good() && decode_partial(state, nodes, in);
}

std::vector<node_ptr> pattern_view::decode_nodes(pattern_state& state, byte_reader& in,
                                                 arena& scratch) const {
  std::vector<row_ptr> rows;
  auto row_count = in.varint();
  for (uint64_t i = 0; in.good() && i < row_count; ++i) {
    rows.push_back(
        buffered_row::decode(in, code_.kept_types, scratch, match_node::size(code_.terms.width())));
    if (!in.good() || rows.back()->mark >= state.rows
        || (i > 0 && rows[i - 1]->mark >= rows.back()->mark))
      in.fail();
  }
  std::vector<node_ptr> nodes;
  std::vector<cell> running(code_.terms.width());
  size_t row = 0; // one behind the one in question
  auto node_count = in.varint();
  for (uint64_t i = 0; in.good() && i < node_count; ++i) {
    row += in.u8() != 0 ? 1 : 0;
    auto previous = in.varint();
    auto variable = in.varint();
    if (row == 0 || row > rows.size() || previous > nodes.size()
        || variable >= settings_.variables.size())
      in.fail();
    if (!in.good())
      break;
    auto before = previous == 0 ? node_ptr{} : nodes[previous - 1];
    if (before && before->sequence() >= rows[row - 1]->mark)
      in.fail();
    code_.terms.accumulate(before.get(), *rows[row - 1], static_cast<uint16_t>(variable), running,
                           scratch);
    nodes.push_back(match_node::make(std::move(before), rows[row - 1],
                                     static_cast<uint16_t>(variable), running, state.nodes));
  }
  if (!in.good())
    nodes.clear();
  return nodes;
}

bool pattern_view::decode_partial(pattern_state& state, std::span<const node_ptr> nodes,
                                  byte_reader& in) const {
  auto node = [&]() -> node_ptr {
    auto number = in.varint();
    if (number >= nodes.size())
      in.fail();
    return in.good() ? nodes[number] : node_ptr{};
  };
  auto partial_count = in.varint();
  for (uint64_t i = 0; in.good() && i < partial_count; ++i) {
    auto& x = state.partial.emplace_back();
    x.last = node();
    x.start = in.varint();
    x.started = in.time();
    auto position = in.varint();
    x.alive = in.varint();
    x.fresh = in.u8() != 0;
    x.position = static_cast<uint16_t>(position);
    if (position == 0 || position >= code_.states.positions.size()
        || (x.alive & ~code_.states.positions[x.position].alive) != 0
        || (i > 0 && state.partial[i - 1].start > x.start))
      return false;
  }
  auto complete_count = in.varint();
  for (uint64_t i = 0; in.good() && i < complete_count; ++i) {
    auto& x = state.complete.emplace_back();
    x.last = node();
    x.start = in.varint();
    if (i > 0 && state.complete[i - 1].start > x.start)
      return false;
  }
  state.note_first();
  return in.good();
}

} // namespace keyfold::patterns
