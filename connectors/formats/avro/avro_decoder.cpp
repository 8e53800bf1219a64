#include "connectors/formats/avro/avro_decoder.hpp"

#include "connectors/formats/avro/frame.hpp"

#include <fmt/format.h>

#include <utility>

namespace keyfold::avro {

result<std::unique_ptr<record_decoder>>
avro_decoder::make(std::shared_ptr<const stream_schema> schema,
                   std::shared_ptr<const format> settings) {
  auto name = schema->name;
  auto made = std::make_unique<avro_decoder>(std::move(schema), std::move(settings));
  const auto& of = *made->settings_;
  if (of.fixed)
    if (auto* read = made->read_with(of.fixed_id.value_or(0), *of.fixed); !read->how)
      return fail(fmt::format("stream `{}`: {}", name, read->problem));
  return made;
}

bool avro_decoder::refuse(std::string why, bool wait) {
  problem_ = std::move(why);
  must_wait_ = wait;
  return false;
}

result<avro_decoder::outcome> avro_decoder::decode(std::string_view record,
                                                   std::optional<event_time> source_time,
                                                   event_batch_builder& into) {
  if (!unframe(record))
    return fail(std::exchange(problem_, {}));
  auto row = into.begin_row();
  if (!machine_.run(*last_->how, record, row, into.text())) {
    into.abandon_row();
    return tl::unexpected{machine_.take_problem()};
  }
  return into.finish_row(source_time);
}

/// Takes the frame off, if there is one, and finds out how to read what follows.
bool avro_decoder::unframe(std::string_view& record) {
  must_wait_ = false;
  if (record.size() > max_record_bytes)
    return refuse(fmt::format("the record has {} bytes, more than the {} allowed", record.size(),
                              max_record_bytes));
  if (settings_->fixed && !settings_->fixed_id)
    return true;
  if (record.size() < frame_bytes || record.front() != '\0')
    return refuse(
        record.empty()
            ? std::string{"the record is empty"}
            : fmt::format("the record does not begin with a zero byte and the number of a schema, "
                          "as a registry's serializers write it: it has {} bytes and begins with "
                          "0x{:02x}{}",
                          record.size(), static_cast<uint8_t>(record.front()),
                          record.front() == '{' ? "; is it JSON?" : ""));
  auto id = framed_id(record);
  if (last_ == nullptr || id != last_id_) {
    const auto* found = find(id);
    if (found == nullptr)
      return false;
    last_ = found;
    last_id_ = id;
  }
  record.remove_prefix(frame_bytes);
  return last_->how != nullptr || refuse(fmt::format("schema {}: {}", id, last_->problem));
}

const avro_decoder::reading* avro_decoder::find(int32_t id) {
  if (auto known = readings_.find(id); known != readings_.end())
    return &known->second;
  if (settings_->fixed) {
    refuse(fmt::format("the record was written with schema {}, and the definition's `schema_id` is "
                       "{}",
                       id, *settings_->fixed_id));
    return nullptr;
  }
  auto answer = settings_->registry->find(id);
  if (answer.what == schema_source::state::found)
    return read_with(id, *answer.found);
  auto wait = answer.what == schema_source::state::awaited;
  refuse(wait ? std::move(answer.why) : fmt::format("schema {}: {}", id, answer.why), wait);
  return nullptr;
}

const avro_decoder::reading* avro_decoder::read_with(int32_t id, const schema& writer) {
  if (readings_.size() >= max_programs) {
    readings_.clear();
    last_ = nullptr;
  }
  reading made;
  if (auto compiled = program::make(writer, schema_, settings_->columns))
    made.how = std::move(*compiled);
  else
    made.problem = fmt::format("{}: {}", to_string(writer.top()), compiled.error().message);
  last_id_ = id;
  return last_ = &readings_.emplace(id, std::move(made)).first->second;
}

} // namespace keyfold::avro
