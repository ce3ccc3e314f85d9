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

/// The digest of a run's state: XXH3-128 over the chunk hashes (tensors by name, chunks by
/// number), then step, samples, seed, the set-aside clips and the history of steps. It does
/// not depend on world size, sharding, activation checkpointing, paths or times.
Hash state_digest(const std::vector<Hash>& chunk_hashes, const Position& position);

/// The same from tensors in memory, which are copied to the CPU if necessary.
Hash state_digest(const RunState& state);

/// The same, with the hashing split over ranks, whether state is sharded or not. Collective;
/// `world` moves host tensors.
Hash state_digest(const RunState& state, Communicator& world);

/// XXH3-128 of a text.
Hash text_hash(const std::string& text);

/// A tensor's name in checkpoints and digests: "moment1/trunk.0.weight".
std::string state_tensor_name(const StateBuffer& buffer, const FlatTensor& tensor);

}  // namespace nextframe
