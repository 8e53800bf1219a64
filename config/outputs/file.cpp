#include "config/outputs/targets.hpp"
#include "config/spelling.hpp"

namespace keyfold::config {

file_output read_file_output(const node& at, const plan& of, target_names& taken) {
  file_output out{at.text_or("path", "")};
  if (!taken.take({"file", out.path}))
    at["path"].complain("two outputs write to the file " + at["path"].quoted()
                        + "; give each its own");
  for (const auto& stream : of.streams)
    if (const auto* from = std::get_if<file_source>(&stream.source);
        from != nullptr && from->path == out.path)
      at["path"].complain("the stream " + backquoted(stream.schema->name) + " reads "
                          + at["path"].quoted() + ", so this would feed on itself");
  return out;
}

} // namespace keyfold::config
