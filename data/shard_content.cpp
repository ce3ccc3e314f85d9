#include "data/shard_content.h"

#include <ATen/ATen.h>
#include <xxhash.h>

#include <array>
#include <cstring>

#include "data/checksum.h"

namespace nextframe {
namespace {

constexpr std::array kHashedAttributes{
    "format", "format_version", "dataset_uuid", "shard_index",
    "fps",    "frame_skip",     "action_space", "colorspace",
    "source", "license",        "generator",    "action_alignment"};

void add_integers(Hasher& hasher, const std::string& name, const std::vector<int64_t>& values) {
  hasher.add(name + " " + std::to_string(values.size()));
  hasher.add(values.data(), values.size() * sizeof(int64_t));
}

}  // namespace

int64_t chunk_hash(std::span<const uint8_t> frames) {
  const uint64_t hash = XXH3_64bits(frames.data(), frames.size());
  int64_t bits = 0;
  std::memcpy(&bits, &hash, sizeof(bits));
  return bits;
}

std::string content_hash(const ShardContent& content, const H5File& file) {
  Hasher hasher;
  add_integers(hasher, "pixels", content.pixels_shape);
  add_integers(hasher, "chunk_frames", {content.chunk_frames});
  add_integers(hasher, "chunk_hashes", content.chunk_hashes);
  add_integers(hasher, "ep_len", content.episode_frames);
  add_integers(hasher, "ep_offset", content.episode_offsets);
  if (content.actions.defined()) {
    const bool is_float = at::isFloatingType(content.actions.scalar_type());
    const at::Tensor actions = content.actions.to(is_float ? at::kFloat : at::kLong).contiguous();
    add_integers(hasher, is_float ? "float actions" : "integer actions", actions.sizes().vec());
    hasher.add(actions.const_data_ptr(), actions.nbytes());
  }
  for (const char* name : kHashedAttributes) {
    hasher.add(std::string(name));
    hasher.add(describe_attribute(file, name));
  }
  return hasher.digest();
}

}  // namespace nextframe
