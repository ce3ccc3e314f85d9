#include "data/checksum.h"

#include <xxhash.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <vector>

#include "data/error.h"

namespace nextframe {
namespace {

using XxhState = std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)>;

XxhState make_xxh_state() { return XxhState(XXH3_createState(), &XXH3_freeState); }

std::string hexadecimal(uint64_t value) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(value));
  return text.data();
}

/// Ones' complement addition down to 16 bits; never 0 unless `sum` is.
uint32_t fold(uint64_t sum) {
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint32_t>(sum);
}

}  // namespace

uint32_t fletcher32(const uint8_t* bytes, size_t num_bytes) {
  constexpr size_t kBlockWords = size_t{1} << 16;  // keeps both sums far below 64 bits
  uint64_t sum = 0, sum_of_sums = 0;
  size_t words = num_bytes / 2;
  while (words > 0) {
    const size_t block = words < kBlockWords ? words : kBlockWords;
    for (size_t i = 0; i < block; ++i, bytes += 2) {
      sum += static_cast<uint64_t>(bytes[0] << 8 | bytes[1]);
      sum_of_sums += sum;
    }
    sum = fold(sum);
    sum_of_sums = fold(sum_of_sums);
    words -= block;
  }
  if (num_bytes % 2 != 0) {
    sum = fold(sum + (static_cast<uint64_t>(*bytes) << 8));
    sum_of_sums = fold(sum_of_sums + sum);
  }
  return fold(sum_of_sums) << 16 | fold(sum);
}

std::string file_xxh3(const std::filesystem::path& path) {
  const XxhState state = make_xxh_state();
  XXH3_64bits_reset(state.get());
  std::ifstream file(path, std::ios::binary);
  if (!file) throw DataError(path.string() + ": cannot be read; check that it exists");
  std::vector<char> buffer(size_t{1} << 20);
  while (file.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) ||
         file.gcount() > 0) {
    XXH3_64bits_update(state.get(), buffer.data(), static_cast<size_t>(file.gcount()));
  }
  return hexadecimal(XXH3_64bits_digest(state.get()));
}

struct Hasher::State {
  XxhState xxh = make_xxh_state();
};

Hasher::Hasher() : state_(std::make_unique<State>()) { XXH3_128bits_reset(state_->xxh.get()); }

Hasher::~Hasher() = default;

void Hasher::add(const void* bytes, size_t num_bytes) {
  XXH3_128bits_update(state_->xxh.get(), bytes, num_bytes);
}

void Hasher::add(const std::string& text) {
  const uint64_t length = text.size();
  add(&length, sizeof(length));
  add(text.data(), text.size());
}

std::string Hasher::digest() const {
  const XXH128_hash_t hash = XXH3_128bits_digest(state_->xxh.get());
  return hexadecimal(hash.high64) + hexadecimal(hash.low64);
}

}  // namespace nextframe
