// The part of a checkpoint that one rank writes: chunks of tensors, copied to memory and then to
// the rank's file.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "trainer/checkpoint/run_state.h"
#include "trainer/checkpoint/writer.h"

namespace nextframe {

/// One chunk of a tensor of the state, float32 on the host.
struct PartChunk {
  std::string tensor;          // its name, as in the manifest
  std::vector<int64_t> sizes;  // of the whole tensor
  int64_t number = 0;          // of the chunk within its tensor
  const float* values = nullptr;
  int64_t count = 0;  // elements
};

/// All chunks that a rank writes: tensors by name, their chunks in ascending order, perhaps
/// with gaps. Every chunk of the state is in exactly one rank's part.
struct RankPart {
  std::vector<PartChunk> chunks;
  std::vector<at::Tensor> memory;  // // what `values` point into; for a state in host memory that
                                   // is the state itself, which the next step changes
  bool is_copy = false;            // `memory` is a copy from a GPU, which no step changes
};

/// What this rank owns of sharded state, and an equal part of the chunks of replicated state.
RankPart part_of_rank(const RunState& state, int64_t rank, int64_t world_size);

/// A buffer in which a part waits to be written while training goes on. It is reused, so that only
/// the first save allocates memory.
class PartBuffer {
 public:
  /// Returns the same chunks with values that do not change until the next call. Copies state
  /// in host memory; what came from a GPU is a copy already.
  RankPart hold(RankPart part);

 private:
  at::Tensor buffer_;
};

/// rank-00003.bin
std::string rank_file_name(int64_t rank);

/// Writes a part durably to `path`, reads it back, compares the hashes, and returns its list
/// of pieces for the manifest. On failure it removes the file and throws FileError or
/// CheckpointError. Does not call LibTorch.
std::string write_rank_part(const std::filesystem::path& path, const RankPart& part,
                            WriterPulse& pulse);

}  // namespace nextframe
