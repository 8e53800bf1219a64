#pragma once

#include "connectors/dynamodb/item_writer.hpp"
#include "connectors/dynamodb/service.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace keyfold::dynamodb {

/// What was found wrong with a table, and whether only another definition can mend it.
struct table_problem {
  std::string sentence;
  bool permanent = false;
};

/// The tables of an output: made if they are missing, and looked at before rows go there. For one
/// thread.
class tables {
public:
  tables(service& to, std::string region) : service_(to), region_(std::move(region)) {}

  /// Whether the table has this key and takes rows. One that is being made is waited for.
  /// @param create makes it if it is missing
  tl::expected<void, table_problem> check(const std::string& name,
                                          const std::vector<item_writer::key_attribute>& key,
                                          bool create, const std::function<bool()>& keep_waiting);
  /// The epoch that `table` holds for `pipeline`; 0: none.
  tl::expected<uint64_t, table_problem> read_marker(const std::string& table,
                                                    const std::string& pipeline);
  /// Sets it, if what is there is not newer.
  tl::expected<void, table_problem> write_marker(const std::string& table,
                                                 const std::string& pipeline, uint64_t epoch);
  /// The key of a table that holds markers.
  static const std::vector<item_writer::key_attribute>& marker_key();

private:
  tl::unexpected<table_problem> problem(const judgement& said, const std::string& table,
                                        std::string_view doing) const;
  tl::expected<void, table_problem> create(const std::string& name,
                                           const std::vector<item_writer::key_attribute>& key);

  service& service_;
  std::string region_;
};

} // namespace keyfold::dynamodb
