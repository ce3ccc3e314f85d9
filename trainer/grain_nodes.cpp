#include "trainer/grain_nodes.h"

#include <torch/torch.h>

#include <functional>

namespace nextframe {

struct GrainNodes::Fold : TreeFold<at::Tensor, std::function<at::Tensor(at::Tensor, at::Tensor)>> {
  using TreeFold::TreeFold;
};

GrainNodes::GrainNodes(int64_t num_grains, bool strict, std::vector<FlatRange> ranges,
                       int64_t buffer_elements)
    : ranges_(std::move(ranges)), buffer_elements_(buffer_elements) {
  if (!strict) return;
  fold_ = std::make_unique<Fold>(num_grains, [this](at::Tensor left, at::Tensor right) {
    return sum_of(std::move(left), std::move(right));
  });
}

GrainNodes::~GrainNodes() = default;

at::Tensor GrainNodes::take_buffer(const at::Tensor& like) {
  if (spare_.empty()) return at::zeros({buffer_elements_}, like.options());
  auto buffer = std::move(spare_.back());
  spare_.pop_back();
  return buffer;
}

at::Tensor GrainNodes::sum_of(at::Tensor left, at::Tensor right) {
  left.add_(right);
  spare_.push_back(std::move(right));
  return left;
}

void GrainNodes::add(int64_t grain, const at::Tensor& gradient) {
  auto buffer = take_buffer(gradient);
  int64_t at = 0;
  for (const auto& range : ranges_) {
    buffer.narrow(0, at, range.count).copy_(gradient.narrow(0, range.offset, range.count));
    at += range.count;
  }
  if (fold_) return fold_->push({0, grain}, std::move(buffer));
  sum_ = sum_.defined() ? sum_of(std::move(sum_), std::move(buffer)) : std::move(buffer);
}

GrainNodes::Nodes GrainNodes::take() {
  Nodes nodes;
  if (fold_) {
    nodes = fold_->take();
  } else if (sum_.defined()) {
    nodes.emplace_back(TreeNode{}, std::exchange(sum_, {}));
  }
  TORCH_INTERNAL_ASSERT(!nodes.empty(), "no grain was added in this step");
  return nodes;
}

int64_t GrainNodes::spare_bytes() const {
  size_t total = 0;
  for (const auto& tensor : spare_) total += tensor.nbytes();
  return static_cast<int64_t>(total);
}

int64_t num_elements(const std::vector<FlatRange>& ranges) {
  int64_t total = 0;
  for (const auto& range : ranges) total += range.count;
  return total;
}

}  // namespace nextframe
