#include "connectors/formats/record_decoder.hpp"

#include "connectors/formats/avro/avro_decoder.hpp"
#include "connectors/formats/csv_decoder.hpp"
#include "connectors/formats/json_decoder.hpp"
#include "connectors/formats/text_decoder.hpp"

#include <fmt/format.h>

namespace keyfold {

result<void> record_decoder::read_header(std::string_view) {
  return {};
}

namespace {

result<std::unique_ptr<record_decoder>>
make_csv_decoder(const std::shared_ptr<const stream_schema>& schema,
                 const record_format_settings& settings) {
  if (!settings.header && settings.columns.empty())
    return fail(fmt::format("{} `{}`: CSV without a header line needs `columns`, the names of "
                            "its columns in their order",
                            settings.what, schema->name));
  auto decoder = std::make_unique<csv_decoder>(schema, settings);
  if (!settings.columns.empty())
    if (auto set = decoder->set_columns(settings.columns); !set)
      return tl::unexpected{std::move(set).error()};
  return decoder;
}

} // namespace

result<std::unique_ptr<record_decoder>>
make_record_decoder(std::shared_ptr<const stream_schema> schema,
                    const record_format_settings& settings) {
  switch (settings.format) {
  case record_format::json:
    return std::make_unique<json_decoder>(std::move(schema));
  case record_format::csv:
    return make_csv_decoder(schema, settings);
  case record_format::text:
    return std::make_unique<text_decoder>(std::move(schema), settings);
  case record_format::avro:
    return avro::avro_decoder::make(std::move(schema), settings.avro);
  }
  return fail(fmt::format("stream `{}`: unknown format", schema->name));
}

} // namespace keyfold
