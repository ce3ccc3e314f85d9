// This file is the part of a checkpoint that one rank writes: a list of chunks in memory.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/checkpoint/run_state.h"

namespace nextframe {

/// One chunk of a tensor of the state, float32 on the host.
struct ShareChunk {
  std::string tensor;          // its name, as in the manifest
  std::vector<int64_t> sizes;  // of the whole tensor
  int64_t number = 0;          // of the chunk within its tensor
  const float* values = nullptr;
  int64_t count = 0;  // elements
};

/// All chunks that a rank writes: tensors by name, their chunks in ascending order, not always
/// without gaps. Every chunk of the state is in exactly one rank's share.
struct Share {
  std::vector<ShareChunk> chunks;
  std::vector<at::Tensor> memory;  // what `values` point into: the state itself, where it is on the
                                   // host, so it changes with the next step
  bool is_copy = false;            // the state is on a GPU: nothing changes `memory`
};

/// What this rank owns of what is split, and an equal part of the chunks of what every rank holds.
Share share_of(const RunState& state, int64_t rank, int64_t world_size);

}  // namespace nextframe
