// This file is one bucket of the gradients that go to their owners round by round.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <vector>

#include "trainer/gradients/grain_owners.h"
#include "trainer/gradients/node_exchange.h"
#include "trainer/shards/chunk_owners.h"
#include "trainer/shards/rank_groups.h"

namespace nextframe {

class OwnerBucket {
 public:
  /// `tensors` are indices into the layout; `owners` are the ranks of groups.nearest(). References
  /// outlive it. On two levels the nodes' sums meet after the last round.
  OwnerBucket(const RankGroups& groups, const GrainOwners& grains, bool strict,
              const ChunkOwners& owners, const FlatParameters& parameters,
              std::vector<int64_t> tensors);
  ~OwnerBucket();
  OwnerBucket(const OwnerBucket&) = delete;
  OwnerBucket& operator=(const OwnerBucket&) = delete;

  const std::vector<int64_t>& tensors() const { return tensors_; }

  /// Begins the exchange of a round, after which the parameters have no gradients: they are sent
  /// where this rank has a grain of that round, else dropped.
  void start(int64_t round, bool has_grain);

  /// Waits for it and frees what was sent and received.
  void finish();

  /// After the last round: copies the sum to this rank's places in `packed`; begins the next step.
  void take_sum(const at::Tensor& packed);

  int64_t bytes() const;  // under way and summed

 private:
  struct Sum;  // shared with the thread of the communicator
  struct Piece {
    size_t tensor;          // index into tensors_
    int64_t first, count;   // of its elements
    int64_t at;             // in the slice
    int64_t packed_offset;  // in the owner's packed buffer
  };

  void start_strict(int64_t round, bool has_grain);
  void start_fast();
  void exchange_across();
  void pack(bool has_grain, bool padded);

  int64_t mine() const { return elements_[static_cast<size_t>(groups_.nearest().rank())]; }

  RankGroups groups_;
  GrainOwners grains_;
  bool strict_;
  const FlatParameters& parameters_;
  std::vector<int64_t> tensors_;
  std::vector<std::vector<Piece>> slices_;  // by owner
  std::vector<int64_t> elements_;           // of each slice
  int64_t most_elements_ = 0;
  at::Tensor outgoing_, received_;
  std::optional<NodeExchange> across_;  // of two levels
  at::Tensor node_sums_;  // a row a node of the tree; the first becomes the sum over all nodes
  at::Tensor received_across_;
  std::vector<Ticket> tickets_;
  std::shared_ptr<Sum> sum_;
};

}  // namespace nextframe
