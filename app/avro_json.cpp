#include "app/avro_json.hpp"

#include "connectors/formats/avro/avro_decoder.hpp"
#include "connectors/formats/avro/frame.hpp"
#include "connectors/formats/row_writer.hpp"
#include "features/decimal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <thread>

namespace keyfold {

namespace {

constexpr size_t max_columns = 1000;
constexpr auto look_again_after = std::chrono::milliseconds{10};

data_type list_of(type_kind kind, data_type items) {
  return {kind, 0, 0, std::make_shared<const data_type>(std::move(items))};
}

data_type plain(type_kind kind) {
  return {kind, 0, 0, nullptr};
}

/// The columns of a schema's record.
class schema_columns {
public:
  explicit schema_columns(const avro::schema& from) : from_(from) {}

  std::vector<stream_field> read() {
    add_fields(from_.top());
    return std::move(columns_);
  }

private:
  void add_fields(const avro::node& record) {
    if (std::find(around_.begin(), around_.end(), &record) != around_.end())
      return; // it has itself inside
    around_.push_back(&record);
    for (const auto& x : record.fields) {
      if (columns_.size() >= max_columns)
        break;
      path_.push_back(x.name);
      const auto& type = without_null(from_.nodes[x.type]);
      if (type.what == avro::kind::record)
        add_fields(type);
      else if (auto known = type_of(type))
        add_column(std::move(*known));
      path_.pop_back();
    }
    around_.pop_back();
  }

  void add_column(data_type type) {
    stream_field column;
    column.name = fmt::format("{}", fmt::join(path_, "."));
    column.path = path_;
    column.type = std::move(type);
    columns_.push_back(std::move(column));
  }

  const avro::node& without_null(const avro::node& x) const {
    if (x.what != avro::kind::choice || x.parts.size() != 2)
      return x;
    const auto& first = from_.nodes[x.parts[0]];
    const auto& second = from_.nodes[x.parts[1]];
    return first.what == avro::kind::null ? second : second.what == avro::kind::null ? first : x;
  }

  std::optional<data_type> type_of(const avro::node& x, int depth = 0) const {
    if (depth > avro::max_schema_depth)
      return std::nullopt;
    switch (x.what) {
    case avro::kind::boolean:
      return plain(type_kind::boolean);
    case avro::kind::int32:
    case avro::kind::int64:
      return integer(x);
    case avro::kind::float32:
      return plain(type_kind::float32);
    case avro::kind::float64:
      return plain(type_kind::float64);
    case avro::kind::string:
    case avro::kind::enumeration:
      return plain(type_kind::string);
    case avro::kind::bytes:
    case avro::kind::fixed:
      return bytes(x);
    case avro::kind::array:
    case avro::kind::map:
      return list(x, depth);
    default:
      return std::nullopt;
    }
  }

  static data_type integer(const avro::node& x) {
    switch (x.logical) {
    case avro::meaning::timestamp_millis:
    case avro::meaning::timestamp_micros:
    case avro::meaning::timestamp_nanos:
      return plain(type_kind::timestamp);
    case avro::meaning::date:
    case avro::meaning::time_millis:
    case avro::meaning::time_micros:
      return plain(type_kind::string);
    default:
      return plain(x.what == avro::kind::int32 ? type_kind::int32 : type_kind::int64);
    }
  }

  static data_type bytes(const avro::node& x) {
    if (x.logical == avro::meaning::decimal && x.precision <= decimal_digits)
      return {type_kind::decimal, x.precision, x.scale, nullptr};
    auto text = x.logical == avro::meaning::uuid || x.logical == avro::meaning::decimal;
    return plain(text ? type_kind::string : type_kind::bytes);
  }

  std::optional<data_type> list(const avro::node& x, int depth) const {
    auto items = type_of(without_null(from_.nodes[x.parts.front()]), depth + 1);
    if (!items)
      return std::nullopt;
    return list_of(x.what == avro::kind::map ? type_kind::map : type_kind::list, std::move(*items));
  }

  const avro::schema& from_;
  std::vector<const avro::node*> around_; ///< the records that are being added
  std::vector<std::string> path_;
  std::vector<stream_field> columns_;
};

} // namespace

/// How the records of one schema are read and written.
struct avro_json::reading {
  std::shared_ptr<stream_schema> columns;
  std::unique_ptr<record_decoder> decoder;
  std::unique_ptr<event_batch_builder> row;
  std::unique_ptr<row_writer> writer;
};

bool looks_framed(std::string_view record) noexcept {
  return record.size() >= avro::frame_bytes && record.front() == '\0';
}

result<std::shared_ptr<const avro::schema>> avro_json::find(int32_t id) const {
  auto until = std::chrono::steady_clock::now() + patience_;
  for (;;) {
    auto answer = registry_->find(id);
    if (answer.what == avro::schema_source::state::found)
      return answer.found;
    auto late = std::chrono::steady_clock::now() > until;
    if (answer.what == avro::schema_source::state::refused || late)
      return fail(fmt::format("schema {}: {}", id,
                              answer.why.empty() ? "the registry has not answered" : answer.why));
    std::this_thread::sleep_for(look_again_after);
  }
}

result<std::shared_ptr<avro_json::reading>> avro_json::reading_of(int32_t id) {
  if (auto known = readings_.find(id); known != readings_.end())
    return known->second;
  auto schema = find(id);
  if (!schema)
    return tl::unexpected{schema.error()};
  if ((*schema)->top().what != avro::kind::record)
    return fail(fmt::format("schema {} is {}, and only records can be shown", id,
                            avro::to_string((*schema)->top())));
  auto made = std::make_shared<reading>();
  made->columns = std::make_shared<stream_schema>();
  made->columns->name = "topic";
  made->columns->fields = schema_columns{**schema}.read();
  auto format = std::make_shared<avro::format>();
  format->fixed = *schema;
  auto decoder = avro::avro_decoder::make(made->columns, format);
  if (!decoder)
    return tl::unexpected{decoder.error()};
  made->decoder = std::move(*decoder);
  made->row = std::make_unique<event_batch_builder>(made->columns, 1);
  change_columns rows;
  for (const auto& x : made->columns->fields)
    rows.values.push_back({x.name, x.type});
  made->writer = make_row_writer(row_format::json, rows);
  readings_[id] = made;
  return made;
}

result<std::string> avro_json::text(std::string_view record) {
  auto how = reading_of(avro::framed_id(record));
  if (!how)
    return tl::unexpected{how.error()};
  auto& [columns, decoder, row, writer] = **how;
  auto read = decoder->decode(record.substr(avro::frame_bytes), event_time{}, *row);
  if (!read)
    return tl::unexpected{read.error()};
  auto batch = row->build();
  std::string out;
  writer->write_value({}, batch->row(0), out);
  return out;
}

} // namespace keyfold
