#include "config/outputs.hpp"

#include "config/avro.hpp"
#include "config/output_rows.hpp"
#include "config/outputs/targets.hpp"
#include "config/spelling.hpp"

namespace keyfold::config {

namespace {

void read_target(const node& at, const graph& views, const plan& of, target_names& taken,
                 output_plan& to) {
  to.max_pending_bytes = at.size_or("max_pending", 256u << 20);
  if (to.max_pending_bytes < 1u << 16)
    at["max_pending"].complain("`max_pending` must be at least 64KiB");
  auto type = at.text_or("type", "");
  if (type == "file")
    to.target = read_file_output(at, of, taken);
  else if (type == "postgres")
    to.target = read_postgres_output(at, views, to, taken);
  else if (type == "s2")
    to.target = read_s2_output(at, of, to, taken);
  else if (type == "sqlite")
    to.target = read_sqlite_output(at, of, to, taken);
  else
    to.target = read_kafka_output(at, of, to.name, taken);
}

} // namespace

void read_outputs(const node& definition, const graph& views, std::vector<declared_stream>& streams,
                  plan& to) {
  name_table names{"outputs"};
  target_names taken;
  for (const auto& at : definition["outputs"].items()) {
    output_plan made;
    made.name = at.text_or("name", "");
    check_name(at["name"]);
    names.add(made.name, at["name"]);
    read_output_rows(at, views, streams, made);
    read_avro_output(at, definition, made);
    read_target(at, views, to, taken, made);
    to.outputs.push_back(std::move(made));
  }
  if (auto at = definition["dead_letter"]) {
    output_plan made;
    made.name = "dead_letter";
    made.every_change = true;
    read_target(at, views, to, taken, made);
    to.dead_letter = std::move(made);
  }
}

} // namespace keyfold::config
