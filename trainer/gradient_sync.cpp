#include "trainer/gradient_sync.h"

#include <torch/torch.h>

#include <functional>

namespace nextframe {

using AddNodes = std::function<at::Tensor(at::Tensor, at::Tensor)>;

struct GradientSync::Fold : TreeFold<at::Tensor, AddNodes> {
  using TreeFold::TreeFold;
};

GradientSync::GradientSync(Communicator& world, int64_t num_grains, bool strict)
    : world_(world), num_grains_(num_grains), strict_(strict) {
  std::tie(first_grain_, last_grain_) = owned_leaves(num_grains, world.rank(), world.size());
  TORCH_CHECK(world.size() <= num_grains, "trainer.grains = ", num_grains, " cannot feed ",
              world.size(), " ranks; a rank needs at least one grain");
  fold_ = std::make_unique<Fold>(num_grains, [this](at::Tensor left, at::Tensor right) {
    return add_nodes(std::move(left), std::move(right));
  });
}

GradientSync::~GradientSync() = default;

at::Tensor GradientSync::take_buffer(const at::Tensor& like) {
  if (spare_.empty()) return at::empty_like(like);
  auto buffer = std::move(spare_.back());
  spare_.pop_back();
  return buffer;
}

at::Tensor GradientSync::add_nodes(at::Tensor left, at::Tensor right) {
  left.add_(right);
  give_back(std::move(right));
  return left;
}

void GradientSync::add(int64_t grain, const at::Tensor& gradient) {
  if (result_.defined()) give_back(std::exchange(result_, {}));
  auto buffer = take_buffer(gradient);
  buffer.copy_(gradient);
  if (strict_) return fold_->push({0, grain}, std::move(buffer));
  local_sum_ = local_sum_.defined() ? add_nodes(std::move(local_sum_), std::move(buffer))
                                    : std::move(buffer);
}

at::Tensor GradientSync::finish() {
  if (strict_) {
    result_ = finish_strict(fold_->take());
  } else {
    result_ = std::exchange(local_sum_, {});
    world_.all_reduce(result_).wait();
  }
  return result_;
}

/// Rank s folds slice s of every node; the slices are gathered. Each rank sends and receives about
/// twice the buffer, as a ring all-reduce does, when its grains make one node.
at::Tensor GradientSync::finish_strict(std::vector<std::pair<TreeNode, at::Tensor>> nodes) {
  TORCH_INTERNAL_ASSERT(!nodes.empty());
  if (world_.size() == 1) return nodes.front().second;
  const int64_t total = nodes.front().second.numel();
  const int64_t slice = (total + world_.size() - 1) / world_.size();
  const auto received = exchange(nodes, slice);

  TreeFold<at::Tensor, AddNodes> fold(
      num_grains_, [](at::Tensor left, const at::Tensor& right) { return left.add_(right); });
  int64_t row = 0;
  for (int64_t rank = 0; rank < world_.size(); ++rank) {
    const auto [first, last] = owned_leaves(num_grains_, rank, world_.size());
    for (const auto& node : maximal_nodes(num_grains_, first, last))
      fold.push(node, received[row++]);
  }
  auto gathered = at::empty({world_.size() * slice}, received.options());
  world_.all_gather(fold.take().front().second, gathered).wait();

  auto result = std::move(nodes.front().second);
  for (size_t i = 1; i < nodes.size(); ++i) give_back(std::move(nodes[i].second));
  result.copy_(gathered.narrow(0, 0, total));
  return result;
}

/// All ranks' nodes, by rank then by node, each cut to this rank's slice: [nodes of all ranks,
/// slice].
at::Tensor GradientSync::exchange(const std::vector<std::pair<TreeNode, at::Tensor>>& nodes,
                                  int64_t slice) {
  const int64_t num_nodes = static_cast<int64_t>(nodes.size()),
                total = nodes.front().second.numel();
  const auto& options = nodes.front().second.options();
  auto outgoing = at::zeros({world_.size(), num_nodes, slice}, options);
  for (int64_t to = 0; to < world_.size(); ++to) {
    const int64_t begin = std::min(total, to * slice), count = std::min(slice, total - begin);
    for (int64_t n = 0; n < num_nodes; ++n) {
      outgoing[to][n]
          .narrow(0, 0, count)
          .copy_(nodes[static_cast<size_t>(n)].second.narrow(0, begin, count));
    }
  }
  std::vector<int64_t> send_counts(static_cast<size_t>(world_.size()), num_nodes * slice),
      receive_counts;
  int64_t num_received = 0;
  for (int64_t rank = 0; rank < world_.size(); ++rank) {
    const auto [first, last] = owned_leaves(num_grains_, rank, world_.size());
    const auto count = static_cast<int64_t>(maximal_nodes(num_grains_, first, last).size());
    receive_counts.push_back(count * slice);
    num_received += count;
  }
  auto received = at::empty({num_received, slice}, options);
  world_.all_to_all(outgoing, send_counts, received, receive_counts).wait();
  return received;
}

}  // namespace nextframe
