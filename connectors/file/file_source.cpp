#include "connectors/file/file_source.hpp"

#include "connectors/file/record_batch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace keyfold {

namespace {

/// How often a followed file is looked at.
constexpr std::chrono::milliseconds look_every{50};

std::string system_reason() {
  return std::generic_category().message(errno);
}

} // namespace

result<std::unique_ptr<event_source>> file_source::make(file_source_settings settings) {
  auto decoder = make_record_decoder(settings.schema, settings.format);
  if (!decoder)
    return tl::unexpected{std::move(decoder).error()};
  return std::make_unique<file_source>(std::move(settings), *std::move(decoder));
}

file_source::file_source(file_source_settings settings, std::unique_ptr<record_decoder> decoder)
    : settings_(std::move(settings)), decoder_(std::move(decoder)), rows_(settings_.schema, 4096) {}

file_source::~file_source() {
  close();
}

result<void> file_source::start(const source_positions& positions) {
  known_ = positions;
  struct stat info {};
  if (::stat(settings_.path.c_str(), &info) != 0)
    return fail(fmt::format("stream `{}`: cannot read `{}`: {}", settings_.schema->name,
                            settings_.path, system_reason()));
  is_directory_ = S_ISDIR(info.st_mode);
  auto listed = is_directory_ ? list_files() : add_file(settings_.path);
  if (!listed)
    return listed;
  if (files_.empty() && !settings_.follow)
    return fail(fmt::format("stream `{}`: the directory `{}` has no files to read",
                            settings_.schema->name, settings_.path));
  return {};
}

result<void> file_source::list_files() {
  std::error_code why;
  auto listing = std::filesystem::directory_iterator{settings_.path, why};
  std::vector<std::string> found;
  for (; !why && listing != std::filesystem::directory_iterator{}; listing.increment(why)) {
    std::error_code ignored;
    auto& path = listing->path();
    if (path.filename().native().front() != '.' && listing->is_regular_file(ignored))
      found.push_back(path.native());
  }
  if (why)
    return fail(fmt::format("stream `{}`: cannot list `{}`: {}", settings_.schema->name,
                            settings_.path, why.message()));
  std::sort(found.begin(), found.end());
  for (auto& path : found)
    if (auto added = add_file(path); !added)
      return added;
  return {};
}

result<void> file_source::add_file(const std::string& path) {
  auto place =
      std::lower_bound(files_.begin(), files_.end(), path, [](const file& x, const std::string& y) {
        return x.progress.partition < y;
      });
  if (place != files_.end() && place->progress.partition == path)
    return {};
  if (files_.size() == max_files)
    return fail(fmt::format("stream `{}`: the directory `{}` has more than {} files",
                            settings_.schema->name, settings_.path, max_files));
  file x;
  x.progress.partition = path;
  if (auto known = known_.find(path); known != known_.end())
    x.progress = known->second;
  x.progress.partition = path;
  x.progress.ended = false;
  if (auto looked = look_at(x); !looked)
    return looked;
  files_.insert(place, std::move(x));
  return {};
}

result<void> file_source::look_at(file& x) {
  auto& path = x.progress.partition;
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0)
    return fail(fmt::format("stream `{}`: cannot read `{}`: {}", settings_.schema->name, path,
                            system_reason()));
  if (x.inode == 0) {
    x.device = info.st_dev;
    x.inode = info.st_ino;
  }
  if (info.st_dev != x.device || info.st_ino != x.inode)
    return fail(fmt::format("stream `{}`: `{}` was replaced by another file while it was read: "
                            "files may only grow",
                            settings_.schema->name, path));
  if (info.st_size < x.progress.next)
    return fail(fmt::format("stream `{}`: `{}` has {} bytes, but {} were read of it before: it was "
                            "cut or replaced; restore it, or begin with a new ledger",
                            settings_.schema->name, path, info.st_size, x.progress.next));
  x.drained = x.drained && info.st_size == x.size;
  x.size = info.st_size;
  return {};
}

result<source_poll> file_source::poll(size_t max_rows, std::chrono::milliseconds timeout) {
  auto until = std::chrono::steady_clock::now() + timeout;
  while (true) {
    auto next = next_file();
    if (!next)
      return tl::unexpected{std::move(next).error()};
    if (!gone_.empty()) {
      source_poll polled;
      polled.revoked.swap(gone_);
      return polled;
    }
    if (auto* x = *next) {
      record_batch batch{*decoder_, rows_};
      auto before = x->progress.next;
      if (auto read = read_lines(*x, max_rows, batch); !read)
        return tl::unexpected{std::move(read).error()};
      x->progress.max_time = std::max(x->progress.max_time, batch.max_time());
      if (x->progress.next != before || x->progress.ended) {
        auto polled = batch.finish();
        polled.progress.push_back(x->progress);
        polled.unread = unread();
        return polled;
      }
      continue;
    }
    auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0 || wake_.wait(settings_.follow ? std::min(left, look_every) : left))
      return source_poll{};
    if (settings_.follow && is_directory_)
      if (auto listed = list_files(); !listed)
        return tl::unexpected{std::move(listed).error()};
  }
}

result<file_source::file*> file_source::next_file() {
  file* best = nullptr;
  for (size_t i = 0; i < files_.size();) {
    auto& x = files_[i];
    if (settings_.follow && !x.has_more()) {
      if (is_directory_ && forget_if_gone(x)) {
        best = nullptr; // its place in the vector has changed
        i = 0;
        continue;
      }
      if (auto looked = look_at(x); !looked)
        return tl::unexpected{std::move(looked).error()};
    }
    ++i;
    if (x.readable(settings_.follow) && (!best || x.progress.max_time < best->progress.max_time))
      best = &x;
  }
  return best;
}

std::vector<std::string> file_source::unread() const {
  std::vector<std::string> names;
  for (auto& x : files_)
    if (x.readable(settings_.follow))
      names.push_back(x.progress.partition);
  return names;
}

bool file_source::forget_if_gone(const file& x) {
  struct stat info {};
  if (::stat(x.progress.partition.c_str(), &info) == 0 || errno != ENOENT)
    return false;
  if (open_path_ == x.progress.partition)
    close();
  gone_.push_back(x.progress.partition);
  files_.erase(files_.begin() + (&x - files_.data()));
  return true;
}

result<void> file_source::open(file& x) {
  if (open_path_ == x.progress.partition)
    return {};
  close();
  descriptor_ = ::open(x.progress.partition.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0)
    return fail(fmt::format("stream `{}`: cannot open `{}`: {}", settings_.schema->name,
                            x.progress.partition, system_reason()));
  open_path_ = x.progress.partition;
  lines_.begin_at(descriptor_, x.progress.next);
  return decoder_->wants_header() ? read_header(x) : result<void>{};
}

void file_source::close() {
  if (descriptor_ >= 0)
    ::close(descriptor_);
  descriptor_ = -1;
  open_path_.clear();
}

result<void> file_source::read_header(file& x) {
  lines_.begin_at(descriptor_, 0);
  auto read = lines_.next(!settings_.follow);
  if (read && *read == line_reader::outcome::line) {
    if (auto good = decoder_->read_header(lines_.text()); !good)
      return fail(fmt::format("{}:1: {}", x.progress.partition, good.error().message));
    x.progress.next = std::max(x.progress.next, lines_.position());
  } else if (read && *read == line_reader::outcome::too_long) {
    return fail(fmt::format("{}:1: the CSV header is longer than {} bytes", x.progress.partition,
                            max_line_bytes));
  } else if (!read) {
    return fail(fmt::format("stream `{}`: cannot read `{}`: {}", settings_.schema->name,
                            x.progress.partition, read.error().message));
  }
  lines_.begin_at(descriptor_, x.progress.next);
  if (read && *read == line_reader::outcome::none)
    close(); // the header is not there yet, and must be read first
  return {};
}

result<void> file_source::read_lines(file& x, size_t max_rows, record_batch& batch) {
  if (auto opened = open(x); !opened)
    return opened;
  while (!open_path_.empty() && !batch.full(max_rows)) {
    auto position = lines_.position();
    auto read = lines_.next(!settings_.follow);
    if (!read)
      return fail(fmt::format("stream `{}`: cannot read `{}`: {}", settings_.schema->name,
                              x.progress.partition, read.error().message));
    if (*read == line_reader::outcome::none || *read == line_reader::outcome::at_end) {
      x.drained = *read == line_reader::outcome::none;
      x.progress.ended = !x.drained;
      return {};
    }
    x.progress.next = lines_.position();
    if (*read == line_reader::outcome::too_long)
      batch.refuse_whole(place_of_line(x, position),
                         fmt::format("the line has {} bytes, more than the {} allowed",
                                     lines_.position() - position, max_line_bytes),
                         lines_.text());
    else if (!lines_.text().empty())
      if (auto why = batch.add(lines_.text()))
        batch.refuse(place_of_line(x, position), std::move(why->message), lines_.text());
  }
  x.drained = x.drained || open_path_.empty();
  return {};
}

std::string file_source::place_of_line(file& x, int64_t position) {
  char buffer[64 * 1024];
  while (x.counted_to < position) {
    auto wanted = std::min<int64_t>(sizeof buffer, position - x.counted_to);
    auto count = ::pread(descriptor_, buffer, static_cast<size_t>(wanted), x.counted_to);
    if (count <= 0)
      break;
    x.lines_before += std::count(buffer, buffer + count, '\n');
    x.counted_to += count;
  }
  return fmt::format("{}:{}", x.progress.partition, x.lines_before + 1);
}

std::vector<std::string> file_source::partitions() const {
  std::vector<std::string> names;
  names.reserve(files_.size());
  for (auto& x : files_)
    names.push_back(x.progress.partition);
  return names;
}

void file_source::committed(uint64_t, const source_positions&) {}

component_status file_source::status() const {
  return {};
}

void file_source::interrupt() noexcept {
  wake_.notify();
}

void file_source::stop() {
  close();
}

} // namespace keyfold
