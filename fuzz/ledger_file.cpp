// Files that a process finds when it starts: a ledger with damaged bytes, the marker of an output.
#include "connectors/file/epoch_marker.hpp"
#include "store/sqlite_ledger.hpp"

#include "choices.hpp"

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace {

using namespace keyfold;
using namespace keyfold::store;
using namespace std::chrono_literals;

/// A folder in memory where there is one, removed at the end.
class scratch_folder {
public:
  scratch_folder() {
    std::error_code none;
    path_ = std::filesystem::is_directory("/dev/shm", none)
                ? "/dev/shm/keyfold-fuzz-XXXXXX"
                : (std::filesystem::temp_directory_path() / "keyfold-fuzz-XXXXXX").string();
    if (::mkdtemp(path_.data()) == nullptr)
      std::abort();
  }
  ~scratch_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  scratch_folder(const scratch_folder&) = delete;
  scratch_folder& operator=(const scratch_folder&) = delete;
  std::string file(const char* name) const { return path_ + "/" + name; }

private:
  std::string path_;
};

const scratch_folder& folder() {
  static const scratch_folder made;
  return made;
}

void write_file(const std::string& path, std::string_view bytes) {
  std::ofstream{path, std::ios::binary | std::ios::trunc}.write(
      bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

open_options options() {
  open_options x;
  x.path = folder().file("ledger.db");
  x.application = "fuzz";
  x.entities = {"user", "item"};
  x.fingerprints = {{"user/counts", "1"}, {"item/counts", "1"}};
  return x;
}

constexpr ledger_tuning tuning{.page_size = 512, .chunk_bytes = 256, .run_bytes = 1024};

epoch_commit epoch(uint64_t number) {
  epoch_commit x;
  x.epoch = number;
  x.positions = {{"events", "0", static_cast<int64_t>(number), 1000, false}};
  x.segments = {{0, ""}, {1, ""}};
  append_key_state(x.segments[0].pairs, "u" + std::to_string(number), std::string(300, 's'));
  append_key_state(x.segments[1].pairs, "i", "state");
  x.outbox = {{"out", std::string(300, 'o')}};
  return x;
}

/// The bytes of a ledger with keys compacted, keys in segments, an outbox and a mark.
std::string sound_ledger() {
  {
    auto x = sqlite_ledger::open(options(), tuning);
    if (!x || !(*x)->commit(epoch(1)) || !(*x)->compact(1s) || !(*x)->commit(epoch(2))
        || !(*x)->mark_published("out", {1, "300 0 0 out"}))
      std::abort();
  }
  std::ifstream file{options().path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

template <class T>
bool good(const ledger_result<T>& x) {
  if (!x && x.error().message.empty())
    std::abort();
  return x.has_value();
}

/// Whatever the file holds, it is worked on or refused with a sentence.
void use_ledger(bool read_only) {
  auto how = options();
  how.read_only = read_only;
  auto x = sqlite_ledger::open(how, tuning);
  if (!good(x))
    return;
  size_t seen = 0;
  good((*x)->for_each_key([&](uint32_t entity, std::string_view key, std::string_view state) {
    if (entity > 1)
      std::abort();
    seen += key.size() + state.size();
  }));
  good((*x)->load(0, "u1"));
  if (auto pending = (*x)->pending("out"); good(pending))
    for (auto& [number, size] : *pending)
      good((*x)->read_outbox("out", number));
  good((*x)->published("out"));
  good((*x)->describe());
  if (read_only)
    return;
  good((*x)->commit(epoch((*x)->last_epoch() + 1)));
  for (int i = 0; i < 4; ++i)
    if (auto more = (*x)->compact(10ms); !good(more) || !*more)
      break;
}

void fuzz_ledger(fuzz::choices& from, bool read_only) {
  static const auto sound = sound_ledger();
  auto bytes = sound;
  if (from.byte() % 8 == 0)
    bytes.resize(from.word() * 2u % bytes.size());
  while (!from.rest().empty() && !bytes.empty()) {
    auto at = from.word() * 2u % bytes.size();
    for (auto c : from.text(from.byte() % 16 + 1u))
      if (at < bytes.size())
        bytes[at++] = c;
  }
  for (const auto* end : {"", "-wal", "-shm", "-journal"})
    std::filesystem::remove(options().path + end);
  write_file(options().path, bytes);
  use_ledger(read_only);
}

void fuzz_marker(std::string_view text) {
  auto path = folder().file("out.jsonl");
  write_file(marker_path(path), text);
  auto x = read_marker(path);
  if (!x) {
    if (x.error().message.empty())
      std::abort();
    return;
  }
  if (!*x || !write_marker(path, **x))
    std::abort();
  auto again = read_marker(path);
  if (!again || !*again || (*again)->epoch != (*x)->epoch || (*again)->length != (*x)->length)
    std::abort();
  auto kept = read_position((*x)->epoch, position_text(**x, path), path);
  if (!kept || kept->length != (*x)->length || kept->part != (*x)->part)
    std::abort();
}

/// What a ledger may say of an output's files.
void fuzz_position(std::string_view text) {
  if (auto x = read_position(1, text, "out");
      x && read_position(1, position_text(*x, "out"), "out")->length != x->length)
    std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 4096)
    return 0;
  fuzz::choices from{data, size};
  auto what = from.byte() % 4;
  if (what == 0) {
    fuzz_position(from.rest());
    fuzz_marker(from.rest());
  } else {
    fuzz_ledger(from, what == 1);
  }
  return 0;
}
