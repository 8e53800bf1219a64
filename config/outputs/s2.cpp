#include "config/s2.hpp"
#include "config/outputs/targets.hpp"
#include "config/spelling.hpp"

#include <algorithm>

namespace keyfold::config {

namespace {

bool reads(const s2_source& from, const s2_output& x) {
  return from.basin.endpoint == x.basin.endpoint && from.basin.basin == x.basin.basin
         && ((from.prefix && x.stream.starts_with(*from.prefix))
             || std::find(from.streams.begin(), from.streams.end(), x.stream)
                    != from.streams.end());
}

void refuse_loop(const node& at, const plan& of, const s2_output& x) {
  for (const auto& stream : of.streams) {
    const auto* from = std::get_if<s2_source>(&stream.source);
    if (from != nullptr && reads(*from, x))
      at["stream"].complain("the stream " + backquoted(stream.schema->name) + " reads "
                            + at["stream"].quoted() + ", so this would feed on itself");
  }
}

bool upserts(const node& at, const output_plan& output) {
  auto keyed = output.streams.empty() || !output.key.empty();
  auto mode = at["mode"];
  if (mode.text() == "upsert" && !keyed)
    mode.complain("an upsert needs a key: name the columns it is made of as `key`");
  return mode ? mode.text() == "upsert" : keyed;
}

} // namespace

s2_output read_s2_output(const node& at, const plan& of, const output_plan& output,
                         target_names& taken) {
  s2_output out;
  out.basin = read_s2_basin(at);
  out.stream = at.text_or("stream", "");
  out.transactional_id = at.text_or("transactional_id", of.application + "-" + output.name);
  out.upsert = upserts(at, output);
  out.create_stream = at.flag_or("create_stream", true);
  out.event_time = at.text_or("timestamps", "arrival") == "event_time";
  if (!taken.take({"s2 stream", out.basin.endpoint, out.basin.basin, out.stream}))
    at["stream"].complain("two outputs write to the stream " + at["stream"].quoted()
                          + "; give each its own, since each would fence the other off");
  refuse_loop(at, of, out);
  return out;
}

} // namespace keyfold::config
