#include "connectors/postgres/table_copy.hpp"

#include "connectors/postgres/row_cache.hpp"
#include "features/byte_codec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <iterator>
#include <mutex>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace keyfold::postgres {

namespace {

constexpr std::string_view magic = "keyfold table 1\n";

/// FNV-1a: finds damage, not malice.
uint64_t checksum(std::string_view bytes) noexcept {
  uint64_t out = 14695981039346656037u;
  for (auto c : bytes)
    out = (out ^ static_cast<uint8_t>(c)) * 1099511628211u;
  return out;
}

result<void> write_durably(const std::string& path, std::string_view bytes) {
  auto failed = [&](const char* what) {
    return fail(
        fmt::format("cannot {} `{}`: {}", what, path, std::generic_category().message(errno)));
  };
  auto beside = path + ".new";
  auto descriptor = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (descriptor < 0)
    return failed("create");
  while (!bytes.empty()) {
    auto count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno != EINTR)
      break;
    bytes.remove_prefix(static_cast<size_t>(std::max<ssize_t>(count, 0)));
  }
  auto written = bytes.empty() && ::fdatasync(descriptor) == 0;
  auto closed = ::close(descriptor) == 0;
  if (!written || !closed || std::rename(beside.c_str(), path.c_str()) != 0)
    return failed("write");
  return {};
}

} // namespace

bool table_copy::look_up(const lookup_request& x) {
  std::shared_lock guard{mutex_};
  if (!loaded_)
    return false;
  auto width = key_.size();
  auto fields = x.fields.size();
  std::vector<cell> cells(columns_.size());
  arena memory;
  for (size_t i = 0; i < x.found.size(); ++i) {
    auto key = x.keys.subspan(i * width, width);
    std::fill_n(x.values.begin() + static_cast<ptrdiff_t>(i * fields), fields, cell{});
    auto null =
        std::any_of(key.begin(), key.end(), [](const auto& part) { return part.is_null(); });
    auto found = null ? rows_.end() : rows_.find(key_bytes(key));
    x.found[i] = found == rows_.end() ? 0 : 1;
    if (found == rows_.end())
      continue;
    memory.clear();
    byte_reader reader{found->second};
    for (auto& value : cells)
      value = reader.value(memory);
    for (size_t field = 0; field < fields; ++field)
      x.values[i * fields + field] = x.text.copy(cells[x.fields[field]]);
  }
  return true;
}

std::string table_copy::problem() const {
  std::shared_lock guard{mutex_};
  return loaded_ ? std::string{} : fmt::format("the table `{}` is not loaded yet", name_);
}

bool table_copy::put(std::string key, std::string row) {
  auto found = rows_.find(key);
  auto before = found == rows_.end() ? size_t{0} : size_of(key, found->second);
  auto bytes = bytes_ - before + size_of(key, row);
  if (bytes > bounds_.max_bytes || (found == rows_.end() && rows_.size() >= bounds_.max_rows))
    return false;
  bytes_ = bytes;
  if (found == rows_.end())
    rows_.emplace(std::move(key), std::move(row));
  else
    found->second = std::move(row);
  return true;
}

size_t table_copy::apply(std::vector<step>&& steps) {
  size_t refused = 0;
  std::unique_lock guard{mutex_};
  for (auto& x : steps)
    switch (x.is) {
    case step::kind::put:
      refused += put(std::move(x.key), std::move(x.row)) ? 0 : 1;
      break;
    case step::kind::erase:
      if (auto found = rows_.find(x.key); found != rows_.end()) {
        bytes_ -= size_of(found->first, found->second);
        rows_.erase(found);
      }
      break;
    case step::kind::clear:
      rows_.clear();
      bytes_ = 0;
      break;
    }
  return refused;
}

void table_copy::replace(std::vector<step>&& rows) {
  std::unordered_map<std::string, std::string> made;
  size_t bytes = 0;
  for (auto& x : rows) {
    bytes += size_of(x.key, x.row);
    made.insert_or_assign(std::move(x.key), std::move(x.row));
  }
  std::unique_lock guard{mutex_};
  rows_ = std::move(made);
  bytes_ = bytes;
  loaded_ = true;
}

std::optional<std::string> table_copy::row(const std::string& key) const {
  std::shared_lock guard{mutex_};
  auto found = rows_.find(key);
  return found == rows_.end() ? std::nullopt : std::optional{found->second};
}

size_t table_copy::rows() const {
  std::shared_lock guard{mutex_};
  return rows_.size();
}

size_t table_copy::bytes() const {
  std::shared_lock guard{mutex_};
  return bytes_;
}

result<void> table_copy::save(const std::string& path, uint64_t of, pgoutput::lsn position) const {
  std::string bytes{magic};
  byte_writer writer{bytes};
  {
    std::shared_lock guard{mutex_};
    bytes.reserve(bytes_ + 64);
    writer.u64(of);
    writer.u64(position);
    writer.varint(rows_.size());
    for (const auto& [key, row] : rows_) {
      writer.text(key);
      writer.text(row);
    }
  }
  writer.u64(checksum(bytes));
  return write_durably(path, bytes);
}

std::optional<pgoutput::lsn> table_copy::load(const std::string& path, uint64_t of) {
  std::ifstream file{path, std::ios::binary};
  std::string bytes{std::istreambuf_iterator<char>{file}, {}};
  if (bytes.size() < magic.size() + 8 || !bytes.starts_with(magic))
    return std::nullopt;
  std::string_view body{bytes.data(), bytes.size() - 8};
  byte_reader end{std::string_view{bytes}.substr(body.size())};
  if (end.u64() != checksum(body))
    return std::nullopt;
  byte_reader reader{body.substr(magic.size())};
  if (reader.u64() != of)
    return std::nullopt;
  auto position = reader.u64();
  auto count = reader.varint();
  std::vector<step> rows;
  for (uint64_t i = 0; i < count && reader.good(); ++i) {
    std::string key{reader.text()};
    rows.push_back({step::kind::put, std::move(key), std::string{reader.text()}});
  }
  if (!reader.good() || rows.size() > bounds_.max_rows)
    return std::nullopt;
  replace(std::move(rows));
  return position;
}

} // namespace keyfold::postgres
