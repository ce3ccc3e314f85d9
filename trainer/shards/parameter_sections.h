// This file is a model whose parameters are there only while they are used.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "trainer/shards/value_gather.h"

namespace nextframe {

/// Cuts the parameters into sections, each block of the trunk ("blocks.<i>.") and what lies before,
/// between and behind them in the order of names. A section's parameters keep their tensors, whose
/// memory comes and goes; between uses only the owners' packed parts exist.
class ParameterSections {
 public:
  /// Takes the parameters' memory away from `parameters`, whose values() are undefined from here
  /// on. `packed` is what this rank owns. References outlive this.
  ParameterSections(Communicator& world, FlatParameters& parameters, const ChunkOwners& owners,
                    const at::Tensor& packed);

  int64_t num_blocks() const { return static_cast<int64_t>(section_of_block_.size()); }

  /// What is outside of blocks becomes whole, if it is not, and the first block is under way.
  /// Collective, as all that follows: every rank calls the same in the same order.
  void begin_grain();

  /// Makes a block whole, and begins with the block `next`, if there is one of that number.
  void need_block(int64_t block, int64_t next);
  void release_block(int64_t block);

  /// Frees everything; to be called before the parameters change.
  void release_all();

  /// Runs `body` with all parameters whole, as the owners' `packed` parts say.
  void with_whole(const at::Tensor& packed, const std::function<void()>& body);

  double take_wait_s() { return gather_.take_wait_s(); }
  int64_t peak_bytes() const { return peak_bytes_; }  // of whole sections at a time
  int64_t gather_bytes() const { return gather_.peak_bytes(); }

 private:
  enum class State { absent, under_way, whole };

  void start(size_t section, const at::Tensor& packed);
  void need(size_t section, const at::Tensor& packed);
  void release(size_t section);

  at::Tensor packed_;
  ValueGather gather_;
  std::vector<at::Tensor> memory_;  // of each section
  std::vector<State> states_;
  std::vector<int64_t> bytes_;
  std::vector<size_t> section_of_block_;
  std::vector<bool> is_block_;  // by section
  bool is_pinned_ = false;      // in with_whole()
  int64_t held_bytes_ = 0, peak_bytes_ = 0;
};

}  // namespace nextframe
