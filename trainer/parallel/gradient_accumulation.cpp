#include "trainer/parallel/gradient_accumulation.h"

#include <functional>

#include "kernels/torch.h"

namespace nextframe {

struct GradientAccumulator::Fold
    : TreeFold<at::Tensor, std::function<at::Tensor(at::Tensor, at::Tensor)>> {
  using TreeFold::TreeFold;
};

GradientAccumulator::GradientAccumulator(int64_t num_grains, bool strict,
                                         std::vector<FlatRange> ranges, int64_t buffer_elements)
    : ranges_(std::move(ranges)), buffer_elements_(buffer_elements) {
  if (!strict) return;
  fold_ = std::make_unique<Fold>(num_grains, [this](at::Tensor left, at::Tensor right) {
    return sum_of(std::move(left), std::move(right));
  });
}

GradientAccumulator::~GradientAccumulator() = default;

at::Tensor GradientAccumulator::take_buffer(const at::Tensor& like) {
  if (spare_.empty()) {
    const int64_t elements = num_elements(ranges_);
    const auto made = at::empty({buffer_elements_}, like.options());
    made.narrow(0, elements, buffer_elements_ - elements).zero_();
    return made;
  }
  auto buffer = std::move(spare_.back());
  spare_.pop_back();
  return buffer;
}

at::Tensor GradientAccumulator::sum_of(at::Tensor left, at::Tensor right) {
  left.add_(right);
  spare_.push_back(std::move(right));
  return left;
}

template <class Work>
void GradientAccumulator::for_each_range(const at::Tensor& buffer, const at::Tensor& gradient,
                                         const Work& work) const {
  int64_t at = 0;
  for (const auto& range : ranges_) {
    work(buffer.narrow(0, at, range.count), gradient.narrow(0, range.offset, range.count));
    at += range.count;
  }
}

/// Adds a right leaf onto its left sibling in place: that saves a copy, and one of the buffers that
/// the tree needs.
void GradientAccumulator::add(int64_t grain, const at::Tensor& gradient) {
  const auto add_to = [](at::Tensor sum, const at::Tensor& part) { sum.add_(part); };
  const bool has_sibling = grain % 2 == 1 && left_leaf_ == grain - 1;
  if (sum_.defined() && (fold_ == nullptr || has_sibling)) {
    for_each_range(sum_, gradient, add_to);
    if (fold_ == nullptr) return;
    left_leaf_ = -1;
    return fold_->push({1, grain / 2}, std::exchange(sum_, {}));
  }
  auto buffer = take_buffer(gradient);
  for_each_range(buffer, gradient,
                 [](at::Tensor copy, const at::Tensor& part) { copy.copy_(part); });
  if (fold_ != nullptr && grain % 2 == 1) return fold_->push({0, grain}, std::move(buffer));
  sum_ = std::move(buffer);
  left_leaf_ = grain;
}

GradientAccumulator::Nodes GradientAccumulator::take() {
  Nodes nodes;
  if (fold_) {
    if (sum_.defined()) fold_->push({0, left_leaf_}, std::exchange(sum_, {}));
    left_leaf_ = -1;
    nodes = fold_->take();
  } else if (sum_.defined()) {
    nodes.emplace_back(TreeNode{}, std::exchange(sum_, {}));
  }
  TORCH_INTERNAL_ASSERT(!nodes.empty(), "no grain was added in this step");
  return nodes;
}

int64_t GradientAccumulator::spare_bytes() const {
  size_t total = 0;
  for (const auto& tensor : spare_) total += tensor.nbytes();
  return static_cast<int64_t>(total);
}

}  // namespace nextframe
