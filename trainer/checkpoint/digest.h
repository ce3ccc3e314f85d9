// The digest of a run's state: one hash, made from the hashes of its 65,536-element chunks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "launch/communicator.h"
#include "trainer/checkpoint/run_state.h"

namespace nextframe {

/// XXH3-128, as 32 hexadecimal digits (canonical, big-endian).
using Hash = std::string;

/// The hash of one chunk: XXH3-128 over tensor name, dtype, shape, chunk number and its
/// little-endian bytes.
Hash chunk_hash(const std::string& tensor_name, const std::vector<int64_t>& sizes,
                int64_t chunk_number, const float* values, int64_t count);

/// The digest of a run's state: XXH3-128 over the chunk hashes (tensors by name, chunks by number),
/// then step, samples, seed, the set-aside clips and the history of steps. World size, sharding,
/// recompute, paths and times have no part in it.
Hash state_digest(const std::vector<Hash>& chunk_hashes, const Position& position);

/// The same from tensors in memory (moved to the CPU if they are not there).
Hash state_digest(const RunState& state);

/// The same where ranks hold parts of it, or all: each hashes its part. Collective; `world` moves
/// host tensors.
Hash state_digest(const RunState& state, Communicator& world);

/// XXH3-128 of a text.
Hash text_hash(const std::string& text);

/// "moment1/trunk.0.weight": what a tensor is called in checkpoints and digests.
std::string state_tensor_name(const StateBuffer& buffer, const FlatTensor& tensor);

}  // namespace nextframe
