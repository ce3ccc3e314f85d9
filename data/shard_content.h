// The checksum of what a shard says: everything that decides what is read from it.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <string>
#include <vector>

#include "data/h5.h"

namespace nextframe {

inline constexpr const char* kContentAttribute = "content_xxh3";  // the checksum, 32 digits
inline constexpr const char* kChunkHashColumn = "pixels_xxh3";    // one hash a chunk of `pixels`

/// XXH3-64 of a chunk's frames before any filter, as the bits of an int64.
int64_t chunk_hash(std::span<const uint8_t> frames);

struct ShardContent {
  std::vector<int64_t> pixels_shape;  // T, H, W, C
  int64_t chunk_frames = 0;
  std::vector<int64_t> chunk_hashes;
  std::vector<int64_t> episode_frames, episode_offsets;
  at::Tensor actions;  // int64 or float32 as stored; undefined without
};

/// XXH3-128 over the content and over those attributes of `file` that the format knows, in a fixed
/// order. `complete` and the checksum itself are left out.
std::string content_hash(const ShardContent& content, const H5File& file);

}  // namespace nextframe
