// A dream's step on CUDA tensors, against attention of all frames at once.
#include "tests/kernels/decode_case.h"

namespace nextframe {
namespace {

using namespace testing_decode;
using testing_gradient::relative_error;

at::Tensor on_gpu(const Case& c, at::ScalarType dtype) {
  return tokens_of(c).to(dtype).to(at::kCUDA);
}

class DecodeOnCuda : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!at::hasCUDA()) GTEST_SKIP() << "needs a GPU";
  }
};

const std::vector<Case> kCases = {
    {.outer = 3,
     .frames = 20,
     .frame_tokens = 1,
     .inner = 67,
     .heads = 4,
     .head_dim = 32,
     .window = 15},
    {.outer = 2,
     .frames = 50,
     .frame_tokens = 1,
     .inner = 9,
     .heads = 3,
     .head_dim = 64,
     .window = 33,
     .spare = 5,
     .start = 30,
     .by_head = false},
    {.outer = 2,
     .frames = 9,
     .frame_tokens = 1,
     .inner = 70,
     .heads = 2,
     .head_dim = 128,
     .window = 4,
     .placed = false},
    {.outer = 2,
     .frames = 9,
     .frame_tokens = 67,
     .inner = 1,
     .heads = 2,
     .head_dim = 32,
     .window = 4},
    {.outer = 1,
     .frames = 6,
     .frame_tokens = 256,
     .inner = 1,
     .heads = 3,
     .head_dim = 64,
     .window = 4,
     .spare = 100,
     .start = 1000},
    {.outer = 2,
     .frames = 12,
     .frame_tokens = 130,
     .inner = 1,
     .heads = 2,
     .head_dim = 128,
     .window = 10,
     .placed = false,
     .by_head = false},
};

TEST_F(DecodeOnCuda, IsAttentionOfAllFrames) {
  for (const auto& c : kCases) {
    for (const auto& [dtype, tolerance] :
         {std::pair{at::kBFloat16, 8e-3}, std::pair{at::kHalf, 1.5e-3},
          std::pair{at::kFloat, 1e-5}}) {
      const auto x = on_gpu(c, dtype);
      EXPECT_LT(relative_error(dream(c, x, decode_attention).cpu(),
                               all_at_once(c, x.cpu().to(at::kDouble))),
                tolerance)
          << name_of(c) << " " << dtype;
    }
  }
}

TEST_F(DecodeOnCuda, BitsDoNotDependOnTheRingOrOtherSequences) {
  for (auto c : kCases) {
    const auto x = on_gpu(c, at::kBFloat16);
    const auto all = dream(c, x, decode_attention);
    c.start = c.slots() - 1, c.spare += 2, c.by_head = !c.by_head;
    EXPECT_TRUE(at::equal(dream(c, x, decode_attention), all)) << name_of(c);
    c.outer = 1;
    EXPECT_TRUE(
        at::equal(dream(c, x.slice(0, 0, 1).contiguous(), decode_attention), all.slice(0, 0, 1)))
        << name_of(c);
  }
}

}  // namespace
}  // namespace nextframe
