// Checksums of the shard format: Fletcher-32 for each chunk, XXH3 for each file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace nextframe {

/// HDF5's fletcher32: Fletcher (1982) over big-endian 16-bit words; an odd last byte is a high
/// byte.
uint32_t fletcher32(const uint8_t* bytes, size_t num_bytes);

/// XXH3-64 of a file's bytes, as 16 hexadecimal digits.
std::string file_xxh3(const std::filesystem::path& path);

/// XXH3-128 of bytes that arrive in pieces, as 32 hexadecimal digits.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  void add(const void* bytes, size_t num_bytes);
  void add(const std::string& text);  // with its length, so that "ab","c" differs from "a","bc"
  std::string digest() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace nextframe
