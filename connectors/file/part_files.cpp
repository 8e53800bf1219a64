#include "connectors/file/part_files.hpp"

#include <fmt/format.h>

#include <unistd.h>

namespace keyfold {

std::string part_path(const std::string& path, uint32_t number) {
  if (number == 0)
    return path;
  auto name = path.rfind('/') + 1; // npos + 1 is 0
  auto dot = path.rfind('.');
  // A name that begins with its only dot has no ending.
  auto stem = dot == std::string::npos || dot <= name ? path.size() : dot;
  return fmt::format("{}-{:06}{}", path.substr(0, stem), number, path.substr(stem));
}

void remove_parts_after(const std::string& path, uint32_t last) {
  while (last < UINT32_MAX && ::unlink(part_path(path, last + 1).c_str()) == 0)
    ++last;
}

uint32_t remove_parts_before(const std::string& path, uint32_t first) {
  uint32_t removed = 0;
  while (first > 1 && ::unlink(part_path(path, first - 1).c_str()) == 0) {
    --first;
    ++removed;
  }
  return removed;
}

} // namespace keyfold
