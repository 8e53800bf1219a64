#pragma once

#include "config/names.hpp"
#include "config/streams.hpp"
#include "config/view_kinds.hpp"
#include "features/entity.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace keyfold::config {

/// The entities and views of a definition, those of counter machines included, over its streams.
/// Not thread-safe.
class graph {
public:
  using kind_finder = const view_kind* (*)(std::string_view type);

  /// Collects the declarations; complains of names and references.
  graph(const node& definition, std::vector<declared_stream>& streams,
        const name_table& stream_names, table_set& tables, kind_finder find_kind = find_view_kind);

  /// Compiles every view against all columns of its streams, after the views that emit those;
  /// complains of what is wrong and marks the columns used.
  void check();
  /// Complains of streams and entities that no view is over.
  void check_use() const;
  /// Compiles every view against the pruned schemas. @pre nothing was wrong
  std::vector<std::shared_ptr<const entity_definition>>
  build(const std::vector<std::shared_ptr<const stream_schema>>& schemas);

  const name_table& view_names() const noexcept { return view_names_; }
  const name_table& entity_names() const noexcept { return entity_names_; }
  /// The name of the entity that view number `number` is about; empty where it names none there is.
  std::string entity_of(uint32_t number) const {
    const auto* entity = about(views_[number]);
    return entity == nullptr ? std::string{} : entity->name;
  }
  const name_table& stream_names() const noexcept { return stream_names_; }
  /// As `check` compiled it; null where it could not.
  const view* checked(uint32_t number) const { return views_[number].checked.get(); }
  /// The names of the key fields of the entity that view number `number` is about; likewise.
  std::vector<std::string> key_of(uint32_t number) const {
    const auto* entity = about(views_[number]);
    return entity == nullptr ? std::vector<std::string>{} : entity->key;
  }

private:
  struct declared_entity {
    node at; // for complaints; absent where a counter machine made it
    std::string name;
    std::vector<std::string> key;
    std::vector<std::optional<data_type>> types; // known once a stream has such columns
    std::vector<std::string> typed_by;           // the stream that made it known
    bool used = false;
  };
  /// What the field of an entity's key is in a view's stream.
  struct key_column {
    std::string column;
    node named_at;  // where the view says so; absent where it has the entity's name
    node entity_at; // the view's reference to the entity
  };
  /// A stream in the role of a view's input.
  struct declared_input {
    uint32_t stream = 0;
    std::vector<key_column> key;
  };
  struct declared_view {
    node definition;
    std::string name;
    view_reader read = nullptr; // null: its entity is unknown
    uint32_t entity = 0;
    std::vector<std::optional<declared_input>> inputs; // one per role; empty: optional, not given
    std::optional<uint32_t> emits;                     // the number of a derived stream
    std::shared_ptr<const view> checked;
  };
  /// A view as its kind made it, and the columns of each input that are the entity's key.
  struct compiled_view {
    std::shared_ptr<const view> made;                       // null where it could not be made
    std::vector<std::optional<std::vector<uint32_t>>> keys; // of the inputs given
    std::vector<view_columns> columns;                      // likewise
  };

  const declared_entity* about(const declared_view& x) const {
    return x.read == nullptr ? nullptr : &entities_[x.entity];
  }
  void declare_entity(const node& at);
  void declare_view(const node& at);
  void declare_machine(const node& at);
  void declare_inputs(const node& at, const view_kind& kind, declared_view& to) const;
  std::optional<declared_input> declare_input(const node& stream, const node& key,
                                              const node& entity_at,
                                              const declared_entity& entity) const;
  std::vector<key_column> view_key(const node& mapped, const node& entity_at,
                                   const declared_entity& entity) const;
  std::optional<uint32_t> machine_entity(const node& key_at);
  void add_view(declared_view made, const node& name_at);
  void find_emitters();
  std::vector<uint32_t> by_stage() const;
  bool can_compile(const declared_view& x) const;
  void check(declared_view& x, const std::vector<const stream_schema*>& schemas,
             uint64_t& features_left);
  void check_emissions(const declared_view& x);
  compiled_view compile(const declared_view& x, const std::vector<const stream_schema*>& schemas,
                        uint64_t& features_left);
  std::optional<std::vector<uint32_t>> find_key(declared_entity& entity, const declared_input& x,
                                                view_columns& columns);
  std::optional<uint32_t> find_key_column(const key_column& x, const std::string& entity,
                                          view_columns& columns) const;
  void note_type(declared_entity& entity, size_t field, const data_type& type,
                 const declared_input& x);

  std::vector<declared_stream>& streams_;
  const name_table& stream_names_;
  table_set& tables_;
  kind_finder find_kind_;
  node definition_;
  name_table entity_names_{"entities"};
  name_table view_names_{"views"};
  std::vector<declared_entity> entities_;
  std::vector<declared_view> views_;
  std::vector<std::optional<uint32_t>> emitters_; // per stream: the view that emits it
};

} // namespace keyfold::config
