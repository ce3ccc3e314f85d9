#include <gtest/gtest.h>

#include <map>

#include "kernels/torch.h"
#include "trainer/checkpoint/rank_part.h"

namespace nextframe {
namespace {

struct ShareModel : torch::nn::Module {
  ShareModel() {
    weight = register_parameter("weight", at::randn({2, kChunkElements + 17}));
    bias = register_parameter("bias", at::randn({5}));
  }
  at::Tensor weight, bias;
};

TEST(CheckpointShare, EveryChunkIsInOneRanksShareWithItsValues) {
  ShareModel model;
  const FlatParameters parameters(model);
  const auto moment = at::randn_like(parameters.values());
  const RunState state{parameters, {{"moment1", moment}, {"parameters", parameters.values()}}, {}};
  for (const int64_t world_size : {1, 2, 3, 4, 9}) {
    std::map<std::pair<std::string, int64_t>, int> seen;
    for (int64_t rank = 0; rank < world_size; ++rank) {
      const auto share = part_of_rank(state, rank, world_size);
      for (const auto& chunk : share.chunks) {
        ++seen[{chunk.tensor, chunk.number}];
        if (chunk.tensor != "parameters/weight") continue;
        EXPECT_EQ(chunk.sizes, model.weight.sizes());
        EXPECT_EQ(chunk.values,
                  model.weight.const_data_ptr<float>() + chunk.number * kChunkElements);
        EXPECT_EQ(chunk.count, chunk.number < 2 ? kChunkElements : 34);
      }
    }
    EXPECT_EQ(seen.size(), 8u) << world_size;
    for (const auto& [chunk, times] : seen) EXPECT_EQ(times, 1) << chunk.first << world_size;
  }
}

TEST(CheckpointShare, OfRanksThatOwnTheSameEachWritesAnotherPart) {
  ShareModel model;
  const FlatParameters parameters(model);
  constexpr int64_t kNodes = 3, kPlaces = 2;
  const ChunkOwners owners(parameters, kPlaces);
  std::map<std::pair<std::string, int64_t>, float> seen;  // first values
  size_t num_chunks = 0;
  for (int64_t rank = 0; rank < kNodes * kPlaces; ++rank) {
    const auto packed = owners.pack(parameters.values(), rank % kPlaces);
    const RunState state{
        parameters,
        {{"parameters", packed, &owners.spans(rank % kPlaces), rank / kPlaces, kNodes}},
        {}};
    const auto share = part_of_rank(state, rank, kNodes * kPlaces);
    num_chunks += share.chunks.size();
    int64_t elements = 0, held = 0;
    for (const auto& chunk : share.chunks) {
      seen[{chunk.tensor, chunk.number}] = chunk.values[chunk.count - 1];
      elements += chunk.count;
    }
    for (const auto& memory : share.memory) held += memory.numel();
    EXPECT_LE(held, elements + kAlignElements) << "no more is copied than is written";
  }
  EXPECT_EQ(num_chunks, 4u);
  ASSERT_EQ(seen.size(), 4u);
  const auto flat = model.weight.view({-1});
  for (int64_t number = 0; number < 3; ++number) {
    const int64_t end = std::min((number + 1) * kChunkElements, flat.numel());
    EXPECT_EQ((seen[{"parameters/weight", number}]), flat[end - 1].item<float>());
  }
}

}  // namespace
}  // namespace nextframe
