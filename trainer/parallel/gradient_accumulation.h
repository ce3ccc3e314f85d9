// Gradient accumulation on one rank: adds up the gradients of its grains (microbatches) for one
// bucket.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <utility>
#include <vector>

#include "kernels/base/fixed_tree.h"
#include "trainer/parallel/flat_parameters.h"

namespace nextframe {

class GradientAccumulator {
 public:
  using Nodes = std::vector<std::pair<TreeNode, at::Tensor>>;

  /// strict: adds in the order of the fixed tree over all grains of the step, as far as this rank's
  /// grains allow; else keeps one running sum. A buffer has `ranges` of the flat gradient one after
  /// another, then zeros up to `buffer_elements`.
  GradientAccumulator(int64_t num_grains, bool strict, std::vector<FlatRange> ranges,
                      int64_t buffer_elements);
  ~GradientAccumulator();
  GradientAccumulator(const GradientAccumulator&) = delete;
  GradientAccumulator& operator=(const GradientAccumulator&) = delete;

  const std::vector<FlatRange>& ranges() const { return ranges_; }

  /// Adds the flat gradient of `grain`. A rank adds its grains in ascending order.
  void add(int64_t grain, const at::Tensor& gradient);

  /// The sums that this rank could finish: nodes of the tree, or the running sum as the only one.
  /// Begins the next step.
  Nodes take();

  /// Returns a buffer that take() handed out, for a later add().
  void give_back(at::Tensor buffer) { spare_.push_back(std::move(buffer)); }
  /// Frees the spare buffers: saves memory, but the next step allocates again.
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
  at::Tensor sum_;                 // not strict: the running sum. strict: a left leaf (an even
                                   // grain) whose right sibling has not come yet
  int64_t left_leaf_ = -1;         // the grain of that leaf
  std::vector<at::Tensor> spare_;  // buffers of earlier steps
};

}  // namespace nextframe
