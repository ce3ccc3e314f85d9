// The fixed reduction tree: a binary tree over numbered leaves gives sums the same order of
// additions, and so the same bits, whoever owns the leaves.
//
// Node (level, index) is node (level-1, 2 index) + node (level-1, 2 index + 1), left + right.
// An absent right child means that the left one is copied, never that zero is added.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace nextframe {

struct TreeNode {
  int64_t level = 0;
  int64_t index = 0;
  bool operator==(const TreeNode&) const = default;
};

/// The leaves [first, last), of `num_leaves`, that rank `rank` of `world_size` owns.
inline std::pair<int64_t, int64_t> owned_leaves(int64_t num_leaves, int64_t rank,
                                                int64_t world_size) {
  return {rank * num_leaves / world_size, (rank + 1) * num_leaves / world_size};
}

/// Adds up leaves that are pushed in ascending order: two siblings become their parent as soon as
/// both are there. Keeps at most one unfinished value for each level. `Add` is called as add(left,
/// right) and returns their sum.
template <class Value, class Add>
class TreeFold {
 public:
  TreeFold(int64_t num_leaves, Add add) : num_leaves_(num_leaves), add_(std::move(add)) {}

  void push(TreeNode node, Value value) {
    nodes_.emplace_back(node, std::move(value));
    while (settle()) {
    }
  }

  /// The finished nodes, in ascending order of the leaves they cover.
  std::vector<std::pair<TreeNode, Value>> take() { return std::exchange(nodes_, {}); }

 private:
  int64_t width(int64_t level) const { return (num_leaves_ + (int64_t{1} << level) - 1) >> level; }

  /// Climbs one edge of the tree at the newest node; false when nothing can move.
  bool settle() {
    auto& [node, value] = nodes_.back();
    if (width(node.level) == 1) return false;  // the root
    const bool is_left = node.index % 2 == 0;
    if (is_left && node.index + 1 == width(node.level)) {  // no right sibling: copied upwards
      node = {node.level + 1, node.index / 2};
      return true;
    }
    if (is_left || nodes_.size() < 2) return false;
    const auto sibling = nodes_.end() - 2;
    if (sibling->first != TreeNode{node.level, node.index - 1}) return false;
    sibling->second = add_(std::move(sibling->second), std::move(value));
    sibling->first = {node.level + 1, node.index / 2};
    nodes_.pop_back();
    return true;
  }

  int64_t num_leaves_;
  Add add_;
  std::vector<std::pair<TreeNode, Value>> nodes_;
};

template <class Value, class Add>
TreeFold<Value, Add> make_tree_fold(int64_t num_leaves, Add add) {
  return TreeFold<Value, Add>(num_leaves, std::move(add));
}

/// The largest subtrees whose leaves all lie in [first, last): what a rank that owns these leaves
/// can sum without the others.
inline std::vector<TreeNode> maximal_nodes(int64_t num_leaves, int64_t first, int64_t last) {
  const auto keep = [](char left, char) { return left; };
  TreeFold<char, decltype(keep)> fold(num_leaves, keep);
  for (int64_t leaf = first; leaf < last; ++leaf) fold.push({0, leaf}, 0);
  std::vector<TreeNode> nodes;
  for (const auto& [node, unused] : fold.take()) nodes.push_back(node);
  return nodes;
}

/// The tree's sum of numbers, for scalars on which all ranks must agree.
inline double tree_sum(const std::vector<double>& leaves) {
  const auto add = [](double left, double right) { return left + right; };
  TreeFold<double, decltype(add)> fold(static_cast<int64_t>(leaves.size()), add);
  for (size_t i = 0; i < leaves.size(); ++i) fold.push({0, static_cast<int64_t>(i)}, leaves[i]);
  const auto nodes = fold.take();
  return nodes.empty() ? 0.0 : nodes.front().second;
}

}  // namespace nextframe
