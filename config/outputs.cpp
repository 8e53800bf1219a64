#include "config/outputs.hpp"

#include "config/avro.hpp"
#include "config/output_rows.hpp"
#include "config/outputs/targets.hpp"
#include "config/spelling.hpp"

namespace keyfold::config {

namespace {

/// What the targets of all outputs are read with.
struct target_context {
  const graph& views;
  const std::vector<declared_stream>& streams;
  const plan& of;
  target_names taken = {};
};

void read_target(const node& at, target_context& with, output_plan& to) {
  to.max_pending_bytes = at.size_or("max_pending", 256u << 20);
  if (to.max_pending_bytes < 1u << 16)
    at["max_pending"].complain("`max_pending` must be at least 64KiB");
  auto type = at.text_or("type", "");
  if (type == "file")
    to.target = read_file_output(at, with.of, with.taken);
  else if (type == "s2")
    to.target = read_s2_output(at, with.of, to, with.taken);
  else if (type == "postgres")
    to.target = read_postgres_output(at, with.views, to, with.taken);
  else if (type == "sqlite")
    to.target = read_sqlite_output(at, with.of, to, with.taken);
  else if (type == "dynamodb")
    to.target = read_dynamodb_output(at, with.views, to, with.streams, with.taken);
  else if (type == "webhook")
    to.target = read_webhook_output(at, with.taken);
  else
    to.target = read_kafka_output(at, with.of, to.name, with.taken);
}

} // namespace

void read_outputs(const node& definition, const graph& views, std::vector<declared_stream>& streams,
                  plan& to) {
  name_table names{"outputs"};
  target_context with{views, streams, to};
  for (const auto& at : definition["outputs"].items()) {
    output_plan made;
    made.name = at.text_or("name", "");
    check_name(at["name"]);
    names.add(made.name, at["name"]);
    read_output_rows(at, views, streams, made);
    read_avro_output(at, definition, made);
    read_target(at, with, made);
    to.outputs.push_back(std::move(made));
  }
  if (auto at = definition["dead_letter"]) {
    output_plan made;
    made.name = "dead_letter";
    made.every_change = true;
    read_target(at, with, made);
    to.dead_letter = std::move(made);
  }
}

} // namespace keyfold::config
