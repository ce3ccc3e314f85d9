#include "trainer/parallel/gradient_norm.h"

#include <algorithm>
#include <cmath>

#include "kernels/adamw.h"
#include "kernels/base/fixed_tree.h"
#include "kernels/torch.h"
#include "model/running_sum.h"

namespace nextframe {
namespace {

/// Global numbers of the chunks that a rank owns, in the order in which it packs them.
std::vector<int64_t> owned_chunks(const ChunkOwners& owners, int64_t rank) {
  std::vector<int64_t> chunks;
  for (const auto& span : owners.spans(rank)) {
    for (int64_t begin = 0; begin < span.count; begin += kChunkElements)
      chunks.push_back(span.first_chunk + begin / kChunkElements);
  }
  return chunks;
}

/// sqrt of the sum of all chunks but those of running sums, which are no gradients.
double norm_of(const FlatParameters& parameters, std::vector<double> squares) {
  for (size_t i = 0; i < squares.size(); ++i) {
    const auto tensor = static_cast<size_t>(parameters.chunks()[i].tensor);
    if (is_running_sum(parameters.layout()[tensor].name)) squares[i] = 0;
  }
  return std::sqrt(tree_sum(squares));
}

/// float64, the sum of squares of each range, on the gradient's device.
at::Tensor squares_of(const at::Tensor& gradient, const std::vector<FlatRange>& ranges) {
  const auto squares =
      at::empty({static_cast<int64_t>(ranges.size())}, gradient.options().dtype(at::kDouble));
  for (size_t i = 0; i < ranges.size(); ++i) {
    squared_norm_to(squares.select(0, static_cast<int64_t>(i)),
                    gradient.narrow(0, ranges[i].offset, ranges[i].count));
  }
  return squares;
}

at::Tensor is_any_bad(const at::Tensor& squares) {
  return squares.isfinite().all().logical_not().to(at::kFloat);
}

}  // namespace

GradientNorm gradient_norm(const FlatParameters& parameters, const at::Tensor& gradient) {
  std::vector<FlatRange> ranges;
  for (const auto& chunk : parameters.chunks()) ranges.push_back({chunk.offset, chunk.count});
  const auto squares = squares_of(gradient, ranges), here = squares.cpu();
  const auto* const sums = here.const_data_ptr<double>();
  return {norm_of(parameters, {sums, sums + here.numel()}), is_any_bad(squares)};
}

GradientNorm gradient_norm(const FlatParameters& parameters, const ChunkOwners& owners,
                           const at::Tensor& packed_gradient, Communicator& world) {
  std::vector<std::vector<int64_t>> chunks_of;
  size_t most = 0;
  for (int64_t rank = 0; rank < world.size(); ++rank) {  // each node has a copy
    chunks_of.push_back(owned_chunks(owners, rank % owners.num_ranks()));
    most = std::max(most, chunks_of.back().size());
  }
  std::vector<FlatRange> ranges;
  for (const auto& span : owners.spans(world.rank() % owners.num_ranks())) {
    for (int64_t begin = 0; begin < span.count; begin += kChunkElements)
      ranges.push_back({span.offset + begin, std::min(kChunkElements, span.count - begin)});
  }
  const auto squares = squares_of(packed_gradient, ranges);
  auto mine = at::zeros({static_cast<int64_t>(most)}, at::kDouble);
  auto all = at::empty({world.size(), static_cast<int64_t>(most)}, at::kDouble);
  mine.narrow(0, 0, squares.numel()).copy_(squares);
  world.all_gather(mine, all).wait();
  std::vector<double> partial_sums(parameters.chunks().size());
  for (size_t rank = 0; rank < chunks_of.size(); ++rank) {
    const double* sums = all[static_cast<int64_t>(rank)].const_data_ptr<double>();
    for (const int64_t chunk : chunks_of[rank]) partial_sums[static_cast<size_t>(chunk)] = *sums++;
  }
  return {norm_of(parameters, std::move(partial_sums)), is_any_bad(squares)};
}

}  // namespace nextframe
