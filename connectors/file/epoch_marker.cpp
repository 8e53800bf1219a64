#include "connectors/file/epoch_marker.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <fcntl.h>
#include <string_view>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace keyfold {

namespace {

/// A descriptor that is closed at the end.
class descriptor {
public:
  explicit descriptor(int number) : number_(number) {}
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() {
    if (number_ >= 0)
      ::close(number_);
  }
  int number() const noexcept { return number_; }

private:
  int number_;
};

tl::unexpected<error> cannot_write(const std::string& path) {
  return fail(fmt::format("cannot write the marker `{}`: {}", path,
                          std::generic_category().message(errno)));
}

/// The numbers of `text`, each after a blank but the first; empty where there is anything else.
std::vector<uint64_t> numbers(std::string_view text) {
  std::vector<uint64_t> out;
  const auto* at = text.data();
  const auto* end = at + text.size();
  for (;;) {
    auto read = std::from_chars(at, end, out.emplace_back());
    if (read.ec != std::errc{})
      return {};
    if (read.ptr == end)
      return out;
    if (*read.ptr != ' ')
      return {};
    at = read.ptr + 1;
  }
}

std::optional<epoch_marker> marker_of(uint64_t epoch, uint64_t length, uint64_t part,
                                      uint64_t begun) {
  constexpr uint64_t latest_second = 253402300799; // of the year 9999
  if (part > UINT32_MAX || begun > latest_second)
    return std::nullopt;
  return epoch_marker{epoch, length, static_cast<uint32_t>(part),
                      std::chrono::sys_seconds{std::chrono::seconds{begun}}};
}

std::optional<epoch_marker> parse(std::string_view text) {
  constexpr std::string_view heading = "keyfold-output ";
  if (!text.starts_with(heading) || text.back() != '\n')
    return std::nullopt;
  text.remove_prefix(heading.size());
  text.remove_suffix(1);
  auto read = numbers(text);
  if (read.size() == 3 && read[0] == 1)
    return epoch_marker{read[1], read[2], 0, {}};
  if (read.size() != 5 || read[0] != 2)
    return std::nullopt;
  return marker_of(read[1], read[2], read[3], read[4]);
}

std::string line_of(const epoch_marker& x) {
  if (x.part == 0)
    return fmt::format("keyfold-output 1 {} {}\n", x.epoch, x.length);
  return fmt::format("keyfold-output 2 {} {} {} {}\n", x.epoch, x.length, x.part,
                     x.begun.time_since_epoch().count());
}

} // namespace

std::string marker_path(const std::string& path) {
  return path + ".epoch";
}

std::string position_text(const epoch_marker& marker, const std::string& path) {
  return fmt::format("{} {} {} {}", marker.length, marker.part,
                     marker.begun.time_since_epoch().count(), path);
}

std::optional<epoch_marker> read_position(uint64_t epoch, std::string_view text,
                                          const std::string& path) {
  if (!text.ends_with(path) || text.size() == path.size())
    return std::nullopt;
  text.remove_suffix(path.size() + 1); // and the blank
  auto read = numbers(text);
  return read.size() == 3 ? marker_of(epoch, read[0], read[1], read[2]) : std::nullopt;
}

result<std::optional<epoch_marker>> read_marker(const std::string& path) {
  auto from = marker_path(path);
  descriptor file{::open(from.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.number() < 0 && errno == ENOENT)
    return std::nullopt;
  char text[128];
  auto size = file.number() < 0 ? -1 : ::read(file.number(), text, sizeof text);
  if (size < 0)
    return fail(fmt::format("cannot read the marker `{}`: {}", from,
                            std::generic_category().message(errno)));
  auto marker = parse({text, static_cast<size_t>(size)});
  if (!marker)
    return fail(fmt::format("the marker `{}` is malformed: restore it, or move it and the file "
                            "`{}` away to begin a new one",
                            from, path));
  return marker;
}

result<void> write_marker(const std::string& path, const epoch_marker& marker, bool sync) {
  auto final_path = marker_path(path);
  auto new_path = final_path + ".new";
  auto text = line_of(marker);
  {
    descriptor file{::open(new_path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644)};
    if (file.number() < 0)
      return cannot_write(new_path);
    auto size = static_cast<off_t>(text.size());
    struct stat before {};
    if (::write(file.number(), text.data(), text.size()) != size
        || ::fstat(file.number(), &before) != 0
        || (before.st_size != size && ::ftruncate(file.number(), size) != 0)
        || (sync && ::fsync(file.number()) != 0))
      return cannot_write(new_path);
  }
  // To replace a file, ext4 waits for the disk, for the sake of those who do not; to exchange two
  // it does not. Not all file systems can.
  if (::renameat2(AT_FDCWD, new_path.c_str(), AT_FDCWD, final_path.c_str(), RENAME_EXCHANGE) != 0
      && ::rename(new_path.c_str(), final_path.c_str()) != 0)
    return cannot_write(final_path);
  if (!sync)
    return {};
  auto slash = final_path.rfind('/');
  auto folder = slash == std::string::npos ? std::string{"."} : final_path.substr(0, slash + 1);
  descriptor directory{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (directory.number() < 0 || ::fsync(directory.number()) != 0)
    return cannot_write(final_path);
  return {};
}

} // namespace keyfold
