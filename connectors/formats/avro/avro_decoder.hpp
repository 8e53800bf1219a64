#pragma once

#include "connectors/formats/avro/machine.hpp"
#include "connectors/formats/avro/schema_source.hpp"
#include "connectors/formats/record_decoder.hpp"

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

namespace keyfold::avro {

/// What `record_format::avro` must know. See docs/connectors/avro.md.
struct format {
  /// Records are framed, and their schemas are there; or
  std::shared_ptr<schema_source> registry;
  /// all records have this one.
  std::shared_ptr<const schema> fixed;
  /// With `fixed`: records are framed with this number; without: not framed.
  std::optional<int32_t> fixed_id;
  options_by_column columns;
};

/// Decodes Avro records: one program for each writer's schema, made when its first record comes.
class avro_decoder final : public record_decoder {
public:
  /// Programs kept; beyond, all are forgotten and made again as they are needed.
  static constexpr size_t max_programs = 1000;

  /// An error when `fixed` cannot give the columns.
  static result<std::unique_ptr<record_decoder>> make(std::shared_ptr<const stream_schema> schema,
                                                      std::shared_ptr<const format> settings);
  avro_decoder(std::shared_ptr<const stream_schema> schema, std::shared_ptr<const format> settings)
      : schema_(std::move(schema)), settings_(std::move(settings)) {}

  result<outcome> decode(std::string_view record, std::optional<event_time> source_time,
                         event_batch_builder& into) override;
  bool must_wait() const noexcept override { return must_wait_; }

private:
  /// A writer's schema as this stream reads it, or why it cannot.
  struct reading {
    std::shared_ptr<const program> how;
    std::string problem;
  };

  const reading* find(int32_t id);
  const reading* read_with(int32_t id, const schema& writer);
  bool unframe(std::string_view& record);
  bool refuse(std::string why, bool wait = false);

  std::shared_ptr<const stream_schema> schema_;
  std::shared_ptr<const format> settings_;
  std::unordered_map<int32_t, reading> readings_;
  int32_t last_id_ = 0; ///< of `last_`
  const reading* last_ = nullptr;
  machine machine_;
  std::string problem_;
  bool must_wait_ = false;
};

} // namespace keyfold::avro
