#include "trainer/gradient_bucket.h"

#include <torch/torch.h>

#include <functional>

#include "trainer/flat_parameters.h"

namespace nextframe {

using AddNodes = std::function<at::Tensor(at::Tensor, at::Tensor)>;

namespace {

// On the CPU the exchange goes in pieces that stay in the cache from receiving to gathering.
constexpr int64_t kPieceElements = int64_t{1} << 20;

int64_t padded(int64_t elements, int64_t world_size) {
  const int64_t unit = world_size * kAlignElements;
  return (elements + unit - 1) / unit * unit;
}

/// The nodes' sum by the tree; the last addition writes it where it belongs.
void fold_rows(const std::vector<TreeNode>& nodes, const std::vector<at::Tensor>& rows,
               int64_t num_grains, at::Tensor sum) {
  size_t num_additions = rows.size() - 1;
  TreeFold<at::Tensor, AddNodes> fold(num_grains, [&](at::Tensor left, const at::Tensor& right) {
    return --num_additions > 0 ? left.add_(right) : at::add_out(sum, left, right);
  });
  for (size_t i = 0; i < rows.size(); ++i) fold.push(nodes[i], rows[i]);
}

}  // namespace

GradientBucket::GradientBucket(Communicator& world, int64_t num_grains, bool strict,
                               std::vector<FlatRange> ranges)
    : world_(world),
      num_grains_(num_grains),
      elements_(num_elements(ranges)),
      padded_elements_(padded(elements_, world.size())),
      strict_(strict),
      grains_(num_grains, strict, std::move(ranges), padded_elements_) {
  for (int64_t rank = 0; rank < world.size(); ++rank) {
    const auto [first, last] = owned_leaves(num_grains, rank, world.size());
    for (const auto& node : maximal_nodes(num_grains, first, last)) {
      tree_nodes_.push_back(node);
      node_owners_.push_back(rank);
    }
  }
}

void GradientBucket::add(int64_t grain, const at::Tensor& gradient) {
  grains_.add(grain, gradient);
}

void GradientBucket::start() {
  auto nodes = grains_.take();
  sum_ = nodes.front().second;
  if (!strict_) {
    under_way_.push_back(world_.all_reduce(sum_.narrow(0, 0, elements_)));
  } else if (world_.size() > 1) {
    start_strict(nodes);
  }
  for (size_t i = 1; i < nodes.size(); ++i) grains_.give_back(std::move(nodes[i].second));
}

/// Rank s folds slice s of every node, and the slices are gathered, each in its place: nothing is
/// copied. Each rank sends and receives about twice the bucket, as a ring all-reduce does, when its
/// grains make one node.
void GradientBucket::start_strict(const Nodes& nodes) {
  const int64_t unit = world_.size() * kAlignElements;
  const bool is_cpu = nodes.front().second.is_cpu();
  const int64_t piece = is_cpu ? std::max(unit, kPieceElements / unit * unit) : padded_elements_;
  if (!received_.defined()) {
    const auto num_rows = static_cast<int64_t>(tree_nodes_.size() - nodes.size());
    const int64_t slice = std::min(piece, padded_elements_) / world_.size();
    received_ = at::empty({num_rows, slice}, nodes.front().second.options());
  }
  for (int64_t begin = 0; begin < padded_elements_; begin += piece)
    exchange_piece(nodes, begin, std::min(piece, padded_elements_ - begin));
}

void GradientBucket::exchange_piece(const Nodes& nodes, int64_t begin, int64_t count) {
  const int64_t world = world_.size(), rank = world_.rank(), slice = count / world;
  const auto slice_of = [&](size_t node, int64_t owner) {
    return nodes[node].second.narrow(0, begin + owner * slice, slice);
  };
  std::vector<Parcel> outgoing, incoming;
  for (int64_t step = 1; step < world; ++step) {  // all ranks begin with another peer
    const int64_t to = (rank + step) % world;
    for (size_t n = 0; n < nodes.size(); ++n) outgoing.push_back({to, slice_of(n, to)});
  }
  std::vector<at::Tensor> rows;
  size_t num_own = 0;
  for (const int64_t owner : node_owners_) {
    if (owner == rank) {
      rows.push_back(slice_of(num_own++, rank));
      continue;
    }
    const auto row = received_[static_cast<int64_t>(rows.size() - num_own)].narrow(0, 0, slice);
    incoming.push_back({owner, row});
    rows.push_back(row);
  }
  const auto sum = slice_of(0, rank);
  under_way_.push_back(world_.exchange(outgoing, incoming));
  // By value: after an error elsewhere it may run when this bucket is gone.
  under_way_.push_back(world_.then([nodes_of_tree = tree_nodes_, rows, sum, num = num_grains_] {
    fold_rows(nodes_of_tree, rows, num, sum);
  }));
  under_way_.push_back(world_.all_gather(sum, nodes.front().second.narrow(0, begin, count)));
}

at::Tensor GradientBucket::finish() {
  for (const auto& ticket : under_way_) ticket.wait();  // the first that failed tells why
  under_way_.clear();
  const auto result = sum_.narrow(0, 0, elements_);
  grains_.give_back(std::exchange(sum_, {}));  // handed out until the next add()
  return result;
}

int64_t GradientBucket::bytes() const {
  size_t total = 0;
  for (const auto& tensor : {sum_, received_}) total += tensor.defined() ? tensor.nbytes() : 0;
  return static_cast<int64_t>(total) + grains_.spare_bytes();
}

}  // namespace nextframe
