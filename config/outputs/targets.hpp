#pragma once

#include "config/graph.hpp"
#include "config/node.hpp"
#include "config/plan.hpp"

#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace keyfold::config {

/// What the outputs of a definition write to so far: none may be in the way of another.
class target_names {
public:
  /// False where an output has taken it already.
  /// @param name a kind of target, then what tells it from others of the kind
  bool take(std::vector<std::string> name) { return taken_.insert(std::move(name)).second; }

private:
  std::set<std::vector<std::string>> taken_;
};

/// One text for all ways to write a path.
inline std::string normal_path(const std::string& path) {
  return std::filesystem::path{path}.lexically_normal().string();
}

/// Each reads one output's target, and complains of one that another output writes to or that a
/// stream of the plan reads.
file_output read_file_output(const node& at, const plan& of, target_names& taken);
/// @param rows the output's, which say what its table is called by default
sqlite_output read_sqlite_output(const node& at, const plan& of, const output_plan& rows,
                                 target_names& taken);
/// @param name the output's, which its transactional id has by default
kafka_output read_kafka_output(const node& at, const plan& of, const std::string& name,
                               target_names& taken);
/// @param output what has been read of it so far
s2_output read_s2_output(const node& at, const plan& of, const output_plan& output,
                         target_names& taken);
/// @param rows what the output gets, which decides on the columns there are
dynamodb_output read_dynamodb_output(const node& at, const graph& views, const output_plan& rows,
                                     const std::vector<declared_stream>& streams,
                                     target_names& taken);

/// @param rows what it receives, read already
postgres_output read_postgres_output(const node& at, const graph& views, const output_plan& rows,
                                     target_names& taken);
webhook_output read_webhook_output(const node& at, target_names& taken);

} // namespace keyfold::config
