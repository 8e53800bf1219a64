#pragma once

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace keyfold::testing {

/// A folder that is gone at the end of the test.
class temporary_folder {
public:
  temporary_folder() {
    std::string path = (std::filesystem::temp_directory_path() / "keyfold-test-XXXXXX").native();
    REQUIRE(::mkdtemp(path.data()) != nullptr);
    path_ = path;
  }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;
  ~temporary_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string{name}; }

private:
  std::string path_;
};

inline void write_file(const std::string& path, std::string_view contents) {
  std::ofstream{path, std::ios::binary} << contents;
}

inline void append_file(const std::string& path, std::string_view contents) {
  std::ofstream{path, std::ios::binary | std::ios::app} << contents;
}

inline std::string read_file(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

} // namespace keyfold::testing
