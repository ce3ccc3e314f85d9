#include "kernels/kernel_warnings.h"

#include <vector>

#include "kernels/attention.h"
#include "kernels/cpu/loops.h"
#include "kernels/decode_attention.h"
#include "tests/kernels/attention_inputs.h"

namespace nextframe {
namespace {

/// What is told while it lives.
struct Listener {
  std::vector<std::string> heard;

  KernelWarningListener listener{[this](const std::string& note) { heard.push_back(note); }};

  int64_t count(const std::string& words) const {
    int64_t found = 0;
    for (const auto& note : heard) found += note.find(words) != std::string::npos ? 1 : 0;
    return found;
  }
};

TEST(KernelNotes, AreToldOnceAndNotLost) {
  warn_once_of_kernel("told later");
  const Listener listener;
  EXPECT_EQ(listener.count("told later"), 1);
  warn_once_of_kernel("told now");
  warn_once_of_kernel("told now");
  EXPECT_EQ(listener.count("told now"), 1);
}

TEST(KernelNotes, SayWhenAttentionHasNoKernel) {
  const Listener listener;
  const auto attend = [](int64_t head_dim, at::ScalarType dtype) {
    const auto x = at::zeros({1, 4, 1, 3, 1, head_dim}, dtype);
    self_attention(x, testing_attention::with_mask({}));
    DecodeOptions step;
    step.seen = 4;
    decode_attention(x, make_kv_cache(x, 4), step);
    decode_attention(x.narrow(1, 0, 1), make_kv_cache(x, 4), {});
  };
  attend(36, at::kFloat);
  EXPECT_EQ(listener.count("36"), 0);
  attend(cpu::kMaxHeadDim + 12, at::kFloat);
  EXPECT_EQ(listener.count("heads of 268 values on cpu"), 1);
}

}  // namespace
}  // namespace nextframe
