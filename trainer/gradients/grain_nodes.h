// This file is a rank's grains of one part of the gradient, summed as far as it can alone.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <utility>
#include <vector>

#include "kernels/base/fixed_tree.h"
#include "trainer/gradients/bucket.h"

namespace nextframe {

class GrainNodes {
 public:
  using Nodes = std::vector<std::pair<TreeNode, at::Tensor>>;

  /// strict: nodes of the fixed tree over grains; else one running sum. A buffer holds `ranges` of
  /// the flat gradient behind one another, and zeros up to `buffer_elements`.
  GrainNodes(int64_t num_grains, bool strict, std::vector<FlatRange> ranges,
             int64_t buffer_elements);
  ~GrainNodes();
  GrainNodes(const GrainNodes&) = delete;
  GrainNodes& operator=(const GrainNodes&) = delete;

  const std::vector<FlatRange>& ranges() const { return ranges_; }

  /// Takes its ranges of the flat gradient of `grain`; owned grains come in ascending order.
  void add(int64_t grain, const at::Tensor& gradient);

  /// The finished nodes, or the running sum as the only one; begins the next step.
  Nodes take();

  /// A buffer that nobody needs any more, for a later add().
  void give_back(at::Tensor buffer) { spare_.push_back(std::move(buffer)); }
  /// Where memory counts for more than the time to get it again.
  void drop_buffers() { spare_.clear(); }

  int64_t spare_bytes() const;

 private:
  struct Fold;

  at::Tensor take_buffer(const at::Tensor& like);
  template <class Work>
  void for_each_range(const at::Tensor& buffer, const at::Tensor& gradient, const Work& work) const;
  at::Tensor sum_of(at::Tensor left, at::Tensor right);

  std::vector<FlatRange> ranges_;
  int64_t buffer_elements_;
  std::unique_ptr<Fold> fold_;     // null where not strict
  at::Tensor sum_;                 // where not strict; else a left leaf whose sibling is to come
  int64_t left_leaf_ = -1;         // its grain
  std::vector<at::Tensor> spare_;  // of earlier steps
};

/// Of all ranges together.
int64_t num_elements(const std::vector<FlatRange>& ranges);

}  // namespace nextframe
