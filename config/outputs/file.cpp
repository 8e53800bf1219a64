#include "config/outputs/targets.hpp"
#include "config/spelling.hpp"

namespace keyfold::config {

namespace {

file_output::rotation read_rotation(const node& at) {
  file_output::rotation out;
  out.size = at.size_or("size", 0);
  out.every = at.milliseconds_or("every", {});
  out.keep = at.whole_or("keep", out.keep);
  if (at["size"] && out.size < 1024)
    at["size"].complain("a part has at least 1KiB");
  if (at["every"] && out.every < std::chrono::seconds{1})
    at["every"].complain("a part lasts at least `1s`");
  if (!at["size"] && !at["every"])
    at.complain("`rotate` needs a `size`, or how long a part lasts: `every`");
  return out;
}

/// Whether a stream from `source`, a file or a directory of files, would read `path`.
bool would_read(const std::string& source, const std::filesystem::path& path) {
  auto from = std::filesystem::path{normal_path(source)};
  if (!from.has_filename())
    from = from.parent_path(); // `in/` is the directory `in`
  auto folder = path.parent_path();
  return from == path || from == (folder.empty() ? std::filesystem::path{"."} : folder);
}

void check_path(const node& at, const std::string& written, const plan& of, target_names& taken) {
  auto path = normal_path(written);
  if (!taken.take({"file", path}))
    at.complain("two outputs write to the file " + at.quoted() + "; give each its own");
  if (path == normal_path(of.ledger.path))
    at.complain("the ledger is kept in " + at.quoted()
                + ", which nothing else may write to; give the output a file of its own");
  for (const auto& stream : of.streams)
    if (const auto* from = std::get_if<file_source>(&stream.source);
        from != nullptr && would_read(from->path, path))
      at.complain("the stream " + backquoted(stream.schema->name) + " reads "
                  + backquoted(from->path) + ", so this would feed on itself");
}

} // namespace

file_output read_file_output(const node& at, const plan& of, target_names& taken) {
  file_output out;
  out.path = at.text_or("path", "");
  out.sync = at.flag_or("sync", true);
  out.header = at.flag_or("header", true);
  auto format = at["value_format"];
  if (at["header"] && (format.is_object() ? format["type"] : format).text() != "csv")
    at["header"].complain_of_key("`header` is of CSV, and this output writes JSON");
  if (auto rotate = at["rotate"])
    out.rotate = read_rotation(rotate);
  check_path(at["path"], out.path, of, taken);
  return out;
}

} // namespace keyfold::config
