#include "connectors/file/epoch_marker.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <fcntl.h>
#include <string_view>
#include <system_error>
#include <unistd.h>

namespace keyfold {

namespace {

constexpr std::string_view heading = "keyfold-output 1 ";

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

std::optional<epoch_marker> parse(std::string_view text) {
  if (text.substr(0, heading.size()) != heading || text.back() != '\n')
    return std::nullopt;
  epoch_marker marker;
  auto* end = text.data() + text.size() - 1;
  auto epoch = std::from_chars(text.data() + heading.size(), end, marker.epoch);
  if (epoch.ec != std::errc{} || epoch.ptr == end || *epoch.ptr != ' ')
    return std::nullopt;
  auto length = std::from_chars(epoch.ptr + 1, end, marker.length);
  if (length.ec != std::errc{} || length.ptr != end)
    return std::nullopt;
  return marker;
}

} // namespace

std::string marker_path(const std::string& path) {
  return path + ".epoch";
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

result<void> write_marker(const std::string& path, const epoch_marker& marker) {
  auto final_path = marker_path(path);
  auto new_path = final_path + ".new";
  auto text = fmt::format("{}{} {}\n", heading, marker.epoch, marker.length);
  {
    descriptor file{::open(new_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)};
    if (file.number() < 0)
      return cannot_write(new_path);
    auto written = ::write(file.number(), text.data(), text.size());
    if (written != static_cast<ssize_t>(text.size()) || ::fsync(file.number()) != 0)
      return cannot_write(new_path);
  }
  if (::rename(new_path.c_str(), final_path.c_str()) != 0)
    return cannot_write(final_path);
  auto slash = final_path.rfind('/');
  auto folder = slash == std::string::npos ? std::string{"."} : final_path.substr(0, slash + 1);
  descriptor directory{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (directory.number() < 0 || ::fsync(directory.number()) != 0)
    return cannot_write(final_path);
  return {};
}

} // namespace keyfold
