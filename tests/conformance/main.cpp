#include "cases.hpp"
#include "engine_run.hpp"

#include <fstream>
#include <iostream>

namespace {

using namespace keyfold::conformance;

constexpr auto usage = R"(usage: conformance [--verbose] [--only TEXT] FILE...

Runs the cases of files in the notation of tests/conformance/patterns.json and windows.json: each becomes a definition and
records, which go through the compiler of definitions, routers, keys and a ledger into an output; what comes out
is compared with what the case expects. A line for each failed case, and for each that was skipped its reason; the last line
is `N passed, N failed, N skipped`. The exit status is 1 if a case failed, 2 if a file cannot be read.

  --verbose    a line for the cases that pass, too, and the definition of those that fail
  --only TEXT  only cases with TEXT in their names
)";

struct options {
  bool verbose = false;
  std::string only;
  std::vector<std::string> files;
};

struct tally {
  int passed = 0;
  int failed = 0;
  int skipped = 0;
};

void run_case(const run& x, const options& with, engine_runner& runner, tally& counts) {
  if (!x.skipped.empty()) {
    ++counts.skipped;
    std::cout << "skipped: " << x.name << ": " << x.skipped << std::endl;
    return;
  }
  auto problem = runner.problem(x);
  ++(problem.empty() ? counts.passed : counts.failed);
  if (!problem.empty())
    std::cout << "failed: " << x.name << ": " << problem << std::endl;
  else if (with.verbose)
    std::cout << "passed: " << x.name << std::endl;
  if (!problem.empty() && with.verbose)
    std::cout << x.definition.dump(1) << std::endl;
}

/// @return false: the file cannot be read at all
bool run_file(const std::string& path, const options& with, engine_runner& runner, tally& counts) {
  std::ifstream file{path};
  auto parsed = json::parse(file, nullptr, false);
  if (parsed.is_discarded()) {
    std::cout << "failed: " << path << ": it cannot be read, or is no JSON" << std::endl;
    ++counts.failed;
    return false;
  }
  try {
    for (const auto& x : runs_of(parsed))
      if (x.name.find(with.only) != std::string::npos)
        run_case(x, with, runner, counts);
  } catch (const unknown_notation& why) {
    std::cout << "skipped: " << path << ": " << why.what() << std::endl;
    ++counts.skipped;
  }
  return true;
}

} // namespace

int main(int count, char** arguments) {
  options with;
  for (int i = 1; i < count; ++i) {
    std::string argument = arguments[i];
    if (argument == "--help" || argument == "-h") {
      std::cout << usage;
      return 0;
    }
    if (argument == "--verbose")
      with.verbose = true;
    else if (argument == "--only" && i + 1 < count)
      with.only = arguments[++i];
    else
      with.files.push_back(argument);
  }
  if (with.files.empty()) {
    std::cerr << usage;
    return 2;
  }
  engine_runner runner;
  tally counts;
  auto readable = true;
  for (const auto& path : with.files)
    readable = run_file(path, with, runner, counts) && readable;
  std::cout << counts.passed << " passed, " << counts.failed << " failed, " << counts.skipped
            << " skipped" << std::endl;
  return !readable ? 2 : counts.failed != 0 ? 1 : 0;
}
