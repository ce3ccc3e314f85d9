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

/// All chunks that a rank writes: tensors by name, their chunks in ascending order, not always
/// without gaps. Every chunk of the state is in exactly one rank's part.
struct RankPart {
  std::vector<PartChunk> chunks;
  std::vector<at::Tensor> memory;  // what `values` point into: the state itself, where it is on the
                                   // host, so it changes with the next step
  bool is_copy = false;            // the state is on a GPU: nothing changes `memory`
};

/// What this rank owns of what is split, and an equal part of the chunks of what every rank holds.
RankPart part_of_rank(const RunState& state, int64_t rank, int64_t world_size);

/// Used again for every part, so that only the first one has to ask the system for memory.
class PartBuffer {
 public:
  /// The same chunks, with values that nobody changes until the next call. Copies what is in the
  /// state's own memory; what came from a GPU is a copy already.
  RankPart hold(RankPart part);

 private:
  at::Tensor buffer_;
};

/// rank-00003.bin
std::string rank_file_name(int64_t rank);

/// Writes a part to `path` for good, reads it back against its hashes and returns its list of
/// pieces for the manifest. Throws FileError or CheckpointError naming the file, which is gone
/// then. Calls no LibTorch.
std::string write_rank_part(const std::filesystem::path& path, const RankPart& part,
                            WriterPulse& pulse);

}  // namespace nextframe
