#include "trainer/gradients/gradient_norm.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "kernels/base/fixed_tree.h"
#include "kernels/squared_norm.h"

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

}  // namespace

double gradient_norm(const FlatParameters& parameters, const at::Tensor& gradient) {
  std::vector<double> partial_sums;
  for (const auto& chunk : parameters.chunks())
    partial_sums.push_back(squared_norm(gradient.narrow(0, chunk.offset, chunk.count)));
  return std::sqrt(tree_sum(partial_sums));
}

double gradient_norm(const FlatParameters& parameters, const ChunkOwners& owners,
                     const at::Tensor& packed_gradient, Communicator& world) {
  std::vector<std::vector<int64_t>> chunks_of;
  size_t most = 0;
  for (int64_t rank = 0; rank < world.size(); ++rank) {  // on several nodes there are equal ones
    chunks_of.push_back(owned_chunks(owners, rank % owners.num_ranks()));
    most = std::max(most, chunks_of.back().size());
  }
  auto mine = at::zeros({static_cast<int64_t>(most)}, at::kDouble);
  auto all = at::empty({world.size(), static_cast<int64_t>(most)}, at::kDouble);
  double* next = mine.mutable_data_ptr<double>();
  for (const auto& span : owners.spans(world.rank() % owners.num_ranks())) {
    for (int64_t begin = 0; begin < span.count; begin += kChunkElements) {
      const int64_t count = std::min(kChunkElements, span.count - begin);
      *next++ = squared_norm(packed_gradient.narrow(0, span.offset + begin, count));
    }
  }
  world.all_gather(mine, all).wait();
  std::vector<double> partial_sums(parameters.chunks().size());
  for (size_t rank = 0; rank < chunks_of.size(); ++rank) {
    const double* sums = all[static_cast<int64_t>(rank)].const_data_ptr<double>();
    for (const int64_t chunk : chunks_of[rank]) partial_sums[static_cast<size_t>(chunk)] = *sums++;
  }
  return std::sqrt(tree_sum(partial_sums));
}

}  // namespace nextframe
