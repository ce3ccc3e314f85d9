// This file is how the gradients of a step's grains become one sum, the same bits on any number of
// ranks.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <utility>
#include <vector>

#include "kernels/base/fixed_tree.h"
#include "launch/communicator.h"

namespace nextframe {

/// Sums one flat float32 gradient a grain over all grains of all ranks.
///   strict  a fixed binary tree over grains (kernels/base/fixed_tree.h), whoever owns them
///   fast    the grains of a rank one after another, then the library's all-reduce
class GradientSync {
 public:
  GradientSync(Communicator& world, int64_t num_grains, bool strict);
  ~GradientSync();

  int64_t first_grain() const { return first_grain_; }  // this rank owns [first, last)
  int64_t last_grain() const { return last_grain_; }

  /// Takes the gradient of `grain`; owned grains come in ascending order. The buffer may be reused
  /// at once.
  void add(int64_t grain, const at::Tensor& gradient);

  /// The sum over all grains of all ranks, of the length given to add(); valid until the next
  /// step's add().
  at::Tensor finish();

 private:
  at::Tensor take_buffer(const at::Tensor& like);
  at::Tensor finish_strict(std::vector<std::pair<TreeNode, at::Tensor>> nodes);
  at::Tensor exchange(const std::vector<std::pair<TreeNode, at::Tensor>>& nodes, int64_t slice);
  void give_back(at::Tensor buffer) { spare_.push_back(std::move(buffer)); }
  at::Tensor add_nodes(at::Tensor left, at::Tensor right);

  struct Fold;
  Communicator& world_;
  int64_t num_grains_, first_grain_, last_grain_;
  bool strict_;
  std::unique_ptr<Fold> fold_;
  std::vector<at::Tensor> spare_;  // buffers of past steps, reused
  at::Tensor local_sum_;           // of fast mode
  at::Tensor result_;              // handed out by finish()
};

}  // namespace nextframe
