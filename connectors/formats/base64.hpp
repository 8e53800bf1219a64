#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace keyfold {

/// Appends `bytes` in base64 (RFC 4648 section 4), padded.
void append_base64(std::string_view bytes, std::string& out);

/// How many bytes `text` stands for, if it is base64: padded or not. Nothing for other text.
std::optional<size_t> base64_size(std::string_view text) noexcept;
/// Decodes `text` into `out`. @pre `base64_size` gave the size, and `out` has it
/// @return whether all characters are of the alphabet
bool decode_base64(std::string_view text, char* out) noexcept;

} // namespace keyfold
