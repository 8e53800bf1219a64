#pragma once

#include <boost/container/vector.hpp>

#include <cstdint>

namespace keyfold {

/// A vector of 16 bytes instead of 24, for states of keys: there are a million of them, and a cache
/// line that need not be touched is time. Holds less than 2^32 elements.
template <class T>
using compact_vector = boost::container::vector<
    T, void, boost::container::vector_options_t<boost::container::stored_size<uint32_t>>>;

} // namespace keyfold
