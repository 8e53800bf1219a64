#include "features/distinct_counter.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <new>
#include <utility>
#include <xxhash.h>

namespace keyfold {

namespace {

constexpr int index_bits = 12;
constexpr size_t register_count = size_t{1} << index_bits;
constexpr int value_bits = 64 - index_bits; // a register is at most one more
constexpr uint32_t is_sketch = std::numeric_limits<uint32_t>::max();

enum class form : uint8_t { exact, sparse_sketch, dense_sketch };

/// Ertl's σ: the correction for registers that are still 0.
double sigma(double x) noexcept {
  if (x == 1)
    return std::numeric_limits<double>::infinity();
  auto y = 1.0;
  auto z = x;
  for (auto before = -1.0; z != before;) {
    before = z;
    x *= x;
    z += x * y;
    y += y;
  }
  return z;
}

/// Ertl's τ: the correction for registers at their maximum.
double tau(double x) noexcept {
  if (x == 0 || x == 1)
    return 0;
  auto y = 1.0;
  auto z = 1 - x;
  for (auto before = -1.0; z != before;) {
    before = z;
    x = std::sqrt(x);
    y *= 0.5;
    z -= (1 - x) * (1 - x) * y;
  }
  return z / 3;
}

/// How many registers have each value: all that the estimate needs of them.
using register_histogram = std::array<uint16_t, value_bits + 2>;

uint64_t estimate(const register_histogram& histogram) noexcept {
  constexpr auto m = static_cast<double>(register_count);
  auto z = m * tau(1 - static_cast<double>(histogram[value_bits + 1]) / m);
  for (size_t k = value_bits; k >= 1; --k)
    z = 0.5 * (z + histogram[k]);
  z += m * sigma(histogram[0] / m);
  // Nonsense registers, as damaged bytes may hold, estimate up to infinity.
  return static_cast<uint64_t>(std::llround(std::min(m * m / (2 * std::log(2.0) * z), 4e18)));
}

} // namespace

/// Followed by `capacity` hashes in ascending order, or by the registers and their histogram, which
/// is kept because an estimate may be asked for after every value.
struct distinct_counter::block {
  uint32_t size; // of the hashes; or `is_sketch`
  uint32_t capacity;
};

namespace {

template <class Block>
Block* resized(Block* block, size_t bytes) {
  auto* result = static_cast<Block*>(std::realloc(block, sizeof(Block) + bytes));
  if (result == nullptr)
    throw std::bad_alloc{};
  return result;
}

} // namespace

distinct_counter& distinct_counter::operator=(distinct_counter&& other) noexcept {
  std::swap(block_, other.block_);
  return *this;
}

distinct_counter::~distinct_counter() {
  std::free(block_);
}

void* distinct_counter::release() noexcept {
  return std::exchange(block_, nullptr);
}

distinct_counter distinct_counter::adopt(void* block) noexcept {
  distinct_counter result;
  result.block_ = static_cast<distinct_counter::block*>(block);
  return result;
}

uint64_t* distinct_counter::hashes() const noexcept {
  return reinterpret_cast<uint64_t*>(block_ + 1);
}

uint8_t* distinct_counter::registers() const noexcept {
  return reinterpret_cast<uint8_t*>(block_ + 1);
}

namespace {

constexpr size_t sketch_bytes = register_count + sizeof(register_histogram);

register_histogram& histogram_of(uint8_t* registers) noexcept {
  return *reinterpret_cast<register_histogram*>(registers + register_count);
}

void count_registers(uint8_t* registers) noexcept {
  auto& histogram = histogram_of(registers);
  histogram.fill(0);
  for (size_t i = 0; i < register_count; ++i)
    ++histogram[registers[i]];
}

} // namespace

bool distinct_counter::exact() const noexcept {
  return block_ == nullptr || block_->size != is_sketch;
}

uint64_t distinct_counter::count() const noexcept {
  if (block_ == nullptr)
    return 0;
  return exact() ? block_->size : estimate(histogram_of(registers()));
}

size_t distinct_counter::memory() const noexcept {
  if (block_ == nullptr)
    return 0;
  return sizeof(block) + (exact() ? block_->capacity * sizeof(uint64_t) : sketch_bytes);
}

void distinct_counter::add(uint64_t hash, uint32_t exact_bound) {
  if (!exact()) {
    raise(hash);
    return;
  }
  insert(hash);
  if (block_->size > exact_bound)
    become_sketch();
}

void distinct_counter::insert(uint64_t hash) {
  auto size = block_ == nullptr ? 0 : block_->size;
  auto position = size;
  if (size > 0) {
    auto* end = hashes() + size;
    auto* found = std::lower_bound(hashes(), end, hash);
    if (found != end && *found == hash)
      return;
    position = static_cast<uint32_t>(found - hashes());
  }
  if (block_ == nullptr || size == block_->capacity) {
    auto capacity = std::max(2 * size, 1u);
    block_ = resized(block_, capacity * sizeof(uint64_t));
    block_->capacity = capacity;
  }
  std::copy_backward(hashes() + position, hashes() + size, hashes() + size + 1);
  hashes()[position] = hash;
  block_->size = size + 1;
}

void distinct_counter::become_sketch() {
  distinct_counter sketch;
  sketch.block_ = resized<block>(nullptr, sketch_bytes);
  *sketch.block_ = {is_sketch, 0};
  std::fill_n(sketch.registers(), register_count, uint8_t{0});
  count_registers(sketch.registers());
  for (uint32_t i = 0; i < block_->size; ++i)
    sketch.raise(hashes()[i]);
  *this = std::move(sketch);
}

void distinct_counter::raise(uint64_t hash) noexcept {
  auto index = hash >> value_bits;
  auto rest = hash << index_bits;
  auto rank = static_cast<uint8_t>(std::min(std::countl_zero(rest), value_bits) + 1);
  auto& x = registers()[index];
  if (x >= rank)
    return;
  auto& histogram = histogram_of(registers());
  --histogram[x];
  ++histogram[rank];
  x = rank;
}

void distinct_counter::merge(const distinct_counter& other, uint32_t exact_bound) {
  if (other.block_ == nullptr)
    return;
  if (other.exact()) {
    for (uint32_t i = 0; i < other.block_->size; ++i)
      add(other.hashes()[i], exact_bound);
    return;
  }
  if (exact()) {
    if (block_ == nullptr) {
      block_ = resized<block>(nullptr, 0);
      *block_ = {0, 0};
    }
    become_sketch();
  }
  for (size_t i = 0; i < register_count; ++i)
    registers()[i] = std::max(registers()[i], other.registers()[i]);
  count_registers(registers());
}

void distinct_counter::encode(byte_writer& out) const {
  if (exact()) {
    auto size = block_ == nullptr ? 0 : block_->size;
    out.u8(static_cast<uint8_t>(form::exact));
    out.varint(size);
    for (uint32_t i = 0; i < size; ++i)
      out.u64(hashes()[i]);
    return;
  }
  auto* begin = registers();
  auto set =
      register_count - static_cast<size_t>(std::count(begin, begin + register_count, uint8_t{0}));
  if (set > register_count / 2) {
    out.u8(static_cast<uint8_t>(form::dense_sketch));
    out.text({reinterpret_cast<const char*>(begin), register_count});
    return;
  }
  out.u8(static_cast<uint8_t>(form::sparse_sketch));
  out.varint(set);
  size_t next = 0;
  for (size_t i = 0; i < register_count; ++i)
    if (begin[i] != 0) {
      out.varint(i - next);
      out.u8(begin[i]);
      next = i + 1;
    }
}

namespace {

bool decode_sparse(byte_reader& in, uint8_t* registers) {
  auto set = in.varint();
  size_t next = 0;
  for (uint64_t i = 0; i < set && in.good(); ++i) {
    auto gap = in.varint();
    auto value = in.u8();
    if (gap >= register_count - next || value == 0 || value > value_bits + 1)
      return false;
    registers[next + gap] = value;
    next += gap + 1;
    if (next == register_count && i + 1 < set)
      return false;
  }
  return in.good();
}

bool decode_dense(byte_reader& in, uint8_t* registers) {
  auto text = in.text();
  if (text.size() != register_count)
    return false;
  for (size_t i = 0; i < register_count; ++i) {
    registers[i] = static_cast<uint8_t>(text[i]);
    if (registers[i] > value_bits + 1)
      return false;
  }
  return true;
}

} // namespace

std::optional<distinct_counter> distinct_counter::decode(byte_reader& in, uint32_t exact_bound) {
  auto kind = in.u8();
  distinct_counter result;
  if (kind == static_cast<uint8_t>(form::exact)) {
    auto size = in.varint();
    if (size > exact_bound || size > in.remaining() / sizeof(uint64_t))
      return std::nullopt;
    for (uint64_t i = 0; i < size; ++i)
      result.insert(in.u64());
    if (!in.good() || result.count() != size)
      return std::nullopt;
    return result;
  }
  if (kind > static_cast<uint8_t>(form::dense_sketch))
    return std::nullopt;
  result.block_ = resized<block>(nullptr, sketch_bytes);
  *result.block_ = {is_sketch, 0};
  std::fill_n(result.registers(), register_count, uint8_t{0});
  auto good = kind == static_cast<uint8_t>(form::dense_sketch)
                  ? decode_dense(in, result.registers())
                  : decode_sparse(in, result.registers());
  if (!good)
    return std::nullopt;
  count_registers(result.registers());
  return result;
}

namespace {

uint64_t hash_bytes(std::string_view bytes, cell_kind kind) noexcept {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), static_cast<uint64_t>(kind));
}

template <class T>
uint64_t hash_of(T x, cell_kind kind) noexcept {
  return hash_bytes({reinterpret_cast<const char*>(&x), sizeof x}, kind);
}

uint64_t hash_decimal(const cell& x) noexcept {
  auto unscaled = x.unscaled();
  auto scale = x.scale();
  while (scale > 0 && unscaled % 10 == 0) {
    unscaled /= 10;
    --scale;
  }
  return hash_of(unscaled, cell_kind::decimal) + scale * 0x9e3779b97f4a7c15u;
}

} // namespace

uint64_t distinct_hash(const cell& x) noexcept {
  switch (x.kind()) {
  case cell_kind::string:
  case cell_kind::bytes:
    return hash_bytes(x.as_text(), x.kind());
  case cell_kind::real:
    // Zeros are one value, and so are all that are no number.
    if (x.as_real() == 0 || std::isnan(x.as_real()))
      return hash_of(x.as_real() == 0 ? 0.0 : std::numeric_limits<double>::quiet_NaN(), x.kind());
    return hash_of(x.as_real(), x.kind());
  case cell_kind::decimal:
    return hash_decimal(x);
  case cell_kind::integer:
  case cell_kind::boolean:
  case cell_kind::timestamp:
    return hash_of(x.as_integer(), x.kind());
  case cell_kind::null:
  case cell_kind::list:
  case cell_kind::map:
    break;
  }
  return 0;
}

} // namespace keyfold
