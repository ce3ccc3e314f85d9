#include <gtest/gtest.h>
#include <torch/torch.h>

#include <map>

#include "trainer/checkpoint/share.h"

namespace nextframe {
namespace {

struct Model : torch::nn::Module {
  Model() {
    weight = register_parameter("weight", torch::randn({2, kChunkElements + 17}));
    bias = register_parameter("bias", torch::randn({5}));
  }
  at::Tensor weight, bias;
};

TEST(CheckpointShare, EveryChunkIsInOneRanksShareWithItsValues) {
  Model model;
  const FlatParameters parameters(model);
  const auto moment = torch::randn_like(parameters.values());
  const RunState state{parameters, {{"moment1", moment}, {"parameters", parameters.values()}}, {}};
  for (const int64_t world_size : {1, 2, 3, 4, 9}) {
    std::map<std::pair<std::string, int64_t>, int> seen;
    for (int64_t rank = 0; rank < world_size; ++rank) {
      const auto share = share_of(state, rank, world_size);
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

}  // namespace
}  // namespace nextframe
