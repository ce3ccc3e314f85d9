// ZeRO-2: a gradient bucket that is reduce-scattered to the owners of its chunks after every round
// of grains.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <vector>

#include "trainer/parallel/chunk_owners.h"
#include "trainer/parallel/grain_owners.h"
#include "trainer/parallel/process_groups.h"
#include "trainer/parallel/tree_reduce.h"

namespace nextframe {

class Zero2Bucket {
 public:
  /// `tensors` are indices into the layout; `owners` are the ranks of groups.shard_group().
  /// References outlive it. On two levels the nodes' sums are all-reduced after the last round.
  Zero2Bucket(const ProcessGroups& groups, const GrainOwners& grains, bool strict,
              const ChunkOwners& owners, const FlatParameters& parameters,
              std::vector<int64_t> tensors);
  ~Zero2Bucket();
  Zero2Bucket(const Zero2Bucket&) = delete;
  Zero2Bucket& operator=(const Zero2Bucket&) = delete;

  const std::vector<int64_t>& tensors() const { return tensors_; }

  /// Begins the exchange of a round and frees the parameters' gradients. They are sent if this rank
  /// has a grain in that round, else dropped.
  void start(int64_t round, bool has_grain);

  /// Waits for that exchange and frees its buffers.
  void finish();

  /// After the last round: copies the sum to this rank's places in `packed`. Begins the next step.
  void take_sum(const at::Tensor& packed);

  int64_t bytes() const;  // in flight and summed

 private:
  struct Sum;  // shared with the communicator's thread
  struct Piece {
    size_t tensor;          // index into tensors_
    int64_t first, count;   // elements of the tensor
    int64_t at;             // where they begin in the slice
    int64_t packed_offset;  // where they begin in the owner's packed buffer
  };

  void start_strict(int64_t round, bool has_grain);
  void start_fast();
  void reduce_across_nodes();
  void pack(bool has_grain, bool padded);

  int64_t own_elements() const {
    return elements_[static_cast<size_t>(groups_.shard_group().rank())];
  }

  ProcessGroups groups_;
  GrainOwners grains_;
  bool strict_;
  const FlatParameters& parameters_;
  std::vector<int64_t> tensors_;
  std::vector<std::vector<Piece>> slices_;  // by owner
  std::vector<int64_t> elements_;           // of each slice
  int64_t most_elements_ = 0;               // of the largest slice
  at::Tensor outgoing_, received_;
  std::optional<TreeReduce> across_nodes_;  // on two levels
  at::Tensor node_sums_;  // a row for each tree node; the first becomes the sum over all nodes
  at::Tensor received_across_;
  std::vector<Ticket> tickets_;
  std::shared_ptr<Sum> sum_;
};

}  // namespace nextframe
