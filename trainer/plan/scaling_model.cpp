#include "trainer/plan/scaling_model.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "kernels/base/fixed_tree.h"

namespace nextframe {
namespace {

constexpr int64_t kPieceBytes = int64_t{4} << 20;  // of a bucket, exchanged at once on the CPU

struct Nodes {
  int64_t most = 1;  // of one rank
  int64_t all = 0;   // of all ranks
};

/// How many sums a rank has to send in strict mode: its maximal nodes of the tree over grains.
Nodes nodes_of(int64_t grains, int64_t ranks) {
  Nodes nodes;
  for (int64_t rank = 0; rank < ranks; ++rank) {
    const auto [first, last] = owned_leaves(grains, rank, ranks);
    const auto count = static_cast<int64_t>(maximal_nodes(grains, first, last).size());
    nodes.most = std::max(nodes.most, count);
    nodes.all += count;
  }
  return nodes;
}

/// How many kinds of memory parallel.shard splits: moments, then gradients, then parameters.
int64_t splits(const std::string& shard) {
  return shard == "optimizer" ? 1 : shard == "gradients" ? 2 : shard == "parameters" ? 3 : 0;
}

/// Among how many ranks parallel.shard splits.
int64_t owners_of(const Workload& work, int64_t ranks, int64_t ranks_per_node) {
  return work.shard_group == "node" ? std::min(ranks, std::max<int64_t>(ranks_per_node, 1)) : ranks;
}

/// The most that one of so many owners gets when whole tensors are dealt in their order, each to
/// the owner with fewest elements (ChunkOwners, where nothing else was dealt).
MuonTensor busiest_share(const std::vector<MuonTensor>& tensors, int64_t owners) {
  std::vector<MuonTensor> shares(
      static_cast<size_t>(std::min(owners, std::max<int64_t>(std::ssize(tensors), 1))));
  for (const auto& tensor : tensors) {
    auto& share = *std::min_element(shares.begin(), shares.end(),
                                    [](auto& a, auto& b) { return a.elements < b.elements; });
    share.elements += tensor.elements;
    share.flops += tensor.flops;
  }
  MuonTensor most;
  for (const auto& share : shares) {
    most.elements = std::max(most.elements, share.elements);
    most.flops = std::max(most.flops, share.flops);
  }
  return most;
}

/// How ranks meet: so many within a node, then so many nodes.
struct Levels {
  int64_t inside = 1, across = 1;
};

Levels levels_of(int64_t ranks, int64_t ranks_per_node, bool are_wanted) {
  const bool is_grid = ranks_per_node > 1 && ranks > ranks_per_node && ranks % ranks_per_node == 0;
  return are_wanted && is_grid ? Levels{ranks_per_node, ranks / ranks_per_node} : Levels{ranks, 1};
}

/// Sizes of the buckets that the gradient is cut into, were its tensors small.
struct Buckets {
  double count = 1;
  double last_fraction = 1;  // of the gradient: no backward is left to hide it
};

Buckets buckets_of(const Workload& work) {
  const double all = static_cast<double>(work.flat_bytes());
  const double first = std::min(all, static_cast<double>(work.first_bucket_bytes));
  const double size = static_cast<double>(work.bucket_bytes);
  const double others = std::ceil((all - first) / size);
  if (others == 0) return {1, 1};
  return {1 + others, (all - first - (others - 1) * size) / all};
}

/// How often the gradient's bytes leave a rank in a step, for ranks that it meets first.
double sent_copies(const Workload& work, const Nodes& nodes, const RankPlan& plan) {
  const auto grains = static_cast<double>(plan.grains_per_rank);
  const int64_t split = splits(work.shard);
  if (split == 3) return 3 * grains;  // blocks gathered twice, and the grain's gradient
  if (split == 2) return grains + 1;
  return work.is_strict ? static_cast<double>(nodes.most) + 1 : 2;
}

/// Seconds of forward and backward beside which the exchange goes on.
double hiding_s(const Workload& work, const RankPlan& plan) {
  const double all_s = plan.time.grains_s;
  const int64_t split = splits(work.shard);
  if (split == 3) return all_s;
  if (split == 2) return 2.0 / 3.0 * all_s;
  return 2.0 / 3.0 * all_s / static_cast<double>(plan.grains_per_rank);  // of the last grain
}

void plan_exchange(const Workload& work, const MachineRates& rates, const Nodes& nodes,
                   double slowdown, RankPlan& plan) {
  if (plan.ranks == 1) return;
  const auto buckets = buckets_of(work);
  const bool are_wanted = work.shard == "none" ? work.is_strict : work.shard_group == "node";
  const auto levels = levels_of(plan.ranks, rates.ranks_per_node, are_wanted);
  const auto inside = static_cast<double>(levels.inside);
  const auto across = static_cast<double>(levels.across);
  const double peers = inside - 1 + across - 1;
  const auto node_sums =
      work.is_strict ? static_cast<double>(nodes_of(plan.grains, levels.across).most) : 1;
  const double copies = (inside - 1) / inside * sent_copies(work, nodes, plan) +
                        (across - 1) / across * (node_sums + 1) / inside;
  const double bytes = copies * static_cast<double>(work.flat_bytes());
  plan.sent_bytes = std::llround(bytes);
  plan.time.exchange_s =
      slowdown * bytes / rates.exchange_bytes_per_s + 2 * peers * buckets.count * rates.message_s;
  const double hidden_s = buckets.count > 1 ? hiding_s(work, plan) : 0;
  plan.time.exposed_s =
      std::max(plan.time.exchange_s - hidden_s, plan.time.exchange_s * buckets.last_fraction);
}

}  // namespace

RankPlan plan_ranks(const Workload& work, const MachineRates& rates, int64_t ranks,
                    int64_t grains) {
  if (work.shard != "none" && owners_of(work, ranks, rates.ranks_per_node) == 1) {
    auto whole = work;  // a rank alone on its node has nothing to split
    whole.shard = "none";
    return plan_ranks(whole, rates, ranks, grains);
  }
  RankPlan plan;
  plan.ranks = ranks;
  plan.nodes = (ranks + rates.ranks_per_node - 1) / rates.ranks_per_node;
  plan.grains = grains > 0 ? grains : work.grains;
  plan.grains_per_rank = (plan.grains + ranks - 1) / ranks;
  plan.balance =
      static_cast<double>(plan.grains) / static_cast<double>(ranks * plan.grains_per_rank);

  const auto on_node = static_cast<double>(std::min(ranks, rates.ranks_per_node));
  const double slowdown = std::max(1.0, on_node * static_cast<double>(rates.threads_per_rank) /
                                            static_cast<double>(rates.cores_per_node));
  const double bytes = static_cast<double>(work.flat_bytes());
  const double memory_s = slowdown * bytes / rates.memory_bytes_per_s;  // one flat buffer, touched
  const auto busiest = static_cast<double>(plan.grains_per_rank);
  plan.time.grains_s = slowdown * busiest * rates.grain_s;
  const double copied = std::ceil(busiest / 2);  // every second one is added where its sibling lies
  plan.time.fold_s = memory_s * (2 * copied + 3 * (busiest - 1));
  plan.time.update_s = memory_s * (work.has_average ? 10 : 8);
  if (!work.muon.empty()) {
    const int64_t owners =
        splits(work.shard) > 0 ? owners_of(work, ranks, rates.ranks_per_node) : 1;
    plan.time.muon_s =
        slowdown * rates.muon_s * busiest_share(work.muon, owners).flops / work.muon_flops();
  }
  plan_exchange(work, rates, nodes_of(plan.grains, ranks), slowdown, plan);
  if (ranks > 1) {
    const auto alone = plan_ranks(work, rates, 1, plan.grains);
    plan.efficiency = alone.time.total_s() / (static_cast<double>(ranks) * plan.time.total_s());
  }
  return plan;
}

RankBytes plan_bytes(const Workload& work, int64_t ranks, const std::string& shard, int64_t grains,
                     int64_t ranks_per_node) {
  if (grains == 0) grains = work.grains;
  const int64_t owners = owners_of(work, ranks, ranks_per_node);
  constexpr auto kElementBytes = int64_t{sizeof(float)};
  const int64_t all = work.flat_bytes();
  const int64_t part = std::max((all + owners - 1) / owners,
                                busiest_share(work.muon, owners).elements * kElementBytes);
  const int64_t split = owners == 1 ? 0 : splits(shard);
  // As many buffers as sums of grains are there at a time: a second leaf is added to the first.
  const auto sums = [](int64_t count) {
    return static_cast<int64_t>(std::bit_width(static_cast<uint64_t>(count + 1))) - 1;
  };
  RankBytes bytes;
  bytes.parameters = split < 3 ? all : part + 4 * (work.outside_elements + 3 * work.block_elements);
  const int64_t held_values = split > 0 ? part : all;
  const int64_t without_muon = all - work.muon_elements() * kElementBytes;  // has both moments
  bytes.moments = held_values + (split > 0 ? (without_muon + owners - 1) / owners : without_muon);
  bytes.average = work.has_average ? held_values : 0;
  bytes.activations = work.activation_bytes;
  const bool has_buckets = ranks > 1 && buckets_of(work).count > 1;
  const int64_t bucket = std::min(all, work.bucket_bytes);
  // Two parts of the parameters are on their way, sent and received.
  const int64_t gathered = split == 1 || split == 2 ? 2 * (bucket + bucket / owners) : 0;
  if (split > 1) {  // buckets leave at once, two of them sent and received
    bytes.gradients = part + bucket;
    bytes.buckets = 4 * bucket + sums(grains) * part + gathered;
    return bytes;
  }
  const int64_t held = (grains + ranks - 1) / ranks;
  bytes.gradients = all + (!has_buckets && split == 0 ? 0 : split > 0 ? part : all);
  const auto nodes = nodes_of(grains, ranks);
  if (split == 1) {
    // Sums of grains go as their bucket leaves; a rank with one grain has none beyond that.
    const int64_t under_way = 2 * (nodes.most * bucket + nodes.all * bucket / owners);
    const int64_t kept = held == 1 ? 0 : work.is_strict ? sums(held) : 1;
    const int64_t left = kept * std::max<int64_t>(all - 2 * bucket, 0);
    bytes.buckets = std::max(kept * all, left + part + under_way) + gathered;
    return bytes;
  }
  bytes.buckets = (work.is_strict ? sums(held) : 1) * all;
  if (ranks > 1 && work.is_strict) {  // each bucket keeps room for a piece of what it receives
    const auto buckets = buckets_of(work);
    const auto pieces = static_cast<int64_t>(buckets.count) * kPieceBytes;
    bytes.buckets += (nodes.all - nodes.most) * std::min(all, pieces) / ranks;
  }
  return bytes;
}

double best_interval_s(const Failures& failures) {
  const double mtbf_s = failures.mtbf_s, save_s = failures.save_s;
  if (mtbf_s <= 0) return 0;
  if (save_s >= 2 * mtbf_s) return mtbf_s;
  const double ratio = save_s / (2 * mtbf_s);
  return std::sqrt(2 * save_s * mtbf_s) * (1 + std::sqrt(ratio) / 3 + ratio / 9) - save_s;
}

double goodput(const Failures& failures, double interval_s) {
  const double mtbf_s = failures.mtbf_s;
  if (mtbf_s <= 0) return interval_s / (interval_s + failures.save_s);
  return interval_s / (mtbf_s * std::exp(failures.restart_s / mtbf_s) *
                       std::expm1((interval_s + failures.save_s) / mtbf_s));
}

}  // namespace nextframe
