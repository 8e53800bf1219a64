#pragma once

#include <map>
#include <string>
#include <string_view>

namespace keyfold::dynamodb {

/// The settings of one profile in a file of AWS's tools, `~/.aws/credentials` or `~/.aws/config`:
/// lines `name = value` below `[profile]` or `[profile NAME]`. Names in lower case; of one that is
/// there twice the last. Empty where the file has no such profile. Lines that are none of this, and
/// nested settings, are passed over, as those tools do.
std::map<std::string, std::string> read_profile(std::string_view file, std::string_view profile);

} // namespace keyfold::dynamodb
