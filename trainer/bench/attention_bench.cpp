#include "trainer/bench/attention_bench.h"

#include "kernels/torch.h"
#include "trainer/bench/bench_results.h"

namespace nextframe {
namespace {

constexpr int64_t kHeads = 4, kPositions = 16384, kFrameTokens = 64;

struct Shape {
  int64_t sequences, length, head_dim, frame_tokens;
};

/// [O, L, I, K, F] over memory that is [S, K, L, F].
at::Tensor in_order(const Shape& shape, at::ScalarType dtype) {
  return at::randn({shape.sequences, kHeads, shape.length, shape.head_dim})
      .to(dtype)
      .permute({0, 2, 1, 3})
      .unsqueeze(2);
}

/// Forward and backward of ours on its own inputs.
std::function<void()> our_run(const Shape& shape, at::ScalarType dtype, bool in_place) {
  AttentionOptions options;
  options.mask.frame_tokens = shape.frame_tokens;
  options.scale = 1 / std::sqrt(static_cast<double>(shape.head_dim));
  if (in_place) {
    const auto packed = at::randn({1, shape.length, shape.sequences, 3, kHeads, shape.head_dim})
                            .to(dtype)
                            .requires_grad_(true);
    const auto grad =
        at::randn({1, shape.length, shape.sequences, kHeads, shape.head_dim}).to(dtype);
    return [=] { torch::autograd::grad({self_attention(packed, options)}, {packed}, {grad}); };
  }
  const auto make = [&] { return in_order(shape, dtype).requires_grad_(true); };
  const auto query = make(), key = make(), value = make(), grad = in_order(shape, dtype);
  return [=] {
    torch::autograd::grad({attention(query, key, value, options)}, {query, key, value}, {grad});
  };
}

/// The same by LibTorch: is_causal where frames are one token, else a mask of booleans.
std::function<void(bool)> their_run(const Shape& shape, at::ScalarType dtype) {
  const auto random = [&] {
    return at::randn({shape.sequences, kHeads, shape.length, shape.head_dim}).to(dtype);
  };
  const auto query = random().requires_grad_(true), key = random().requires_grad_(true);
  const auto value = random().requires_grad_(true), grad = random();
  std::optional<at::Tensor> mask;
  if (shape.frame_tokens > 1) {
    const auto frame = at::arange(shape.length).div(shape.frame_tokens, "floor");
    mask = frame.unsqueeze(1) >= frame.unsqueeze(0);
  }
  return [=](bool flash) {
    at::globalContext().setSDPUseFlash(flash);
    const auto result =
        at::scaled_dot_product_attention(query, key, value, mask, 0.0, !mask.has_value());
    torch::autograd::grad({result}, {query, key, value}, {grad});
  };
}

AttentionBench bench(const Shape& shape, at::ScalarType dtype, bool in_place, int64_t rounds) {
  const auto ours = our_run(shape, dtype, in_place);
  const auto theirs = their_run(shape, dtype);
  std::vector<double> ours_s, flash_s, math_s;
  for (int64_t round = -1; round < rounds; ++round) {  // the first is to warm up
    const double times_s[] = {seconds_of(ours), seconds_of([&] { theirs(true); }),
                              seconds_of([&] { theirs(false); })};
    if (round < 0) continue;
    ours_s.push_back(times_s[0]), flash_s.push_back(times_s[1]), math_s.push_back(times_s[2]);
  }
  at::globalContext().setSDPUseFlash(true);
  const std::string precision = dtype == at::kFloat ? "fp32" : "bf16";
  const std::string kind = shape.frame_tokens > 1 ? "attention_frames" : "attention_short";
  return {c10::str(kind, "/fwd+bwd/", precision, "/T", shape.length, "-D", shape.head_dim),
          median(ours_s), median(flash_s), median(math_s)};
}

}  // namespace

void bench_attention(int64_t rounds, bool in_place,
                     const std::function<void(const AttentionBench&)>& done) {
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    for (const int64_t head_dim : {32, 64}) {
      for (const int64_t length : {16, 32, 64}) {
        done(bench({kPositions / length, length, head_dim, 1}, dtype, in_place, rounds));
      }
      done(bench({4, 1024, head_dim, kFrameTokens}, dtype, in_place, rounds));
    }
  }
}

}  // namespace nextframe
