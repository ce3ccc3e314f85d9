#include "trainer/bench/kernel_bench.h"

#include "kernels/adamw.h"
#include "kernels/attention.h"
#include "kernels/draws.h"
#include "kernels/linear.h"
#include "kernels/losses.h"
#include "kernels/norm.h"
#include "kernels/patchify.h"
#include "kernels/torch.h"
#include "trainer/bench/bench_results.h"

namespace nextframe {
namespace {

constexpr int64_t kTokens = 1005, kWidth = 128, kHidden = 352, kFrames = 15, kSide = 64,
                  kVocabulary = 1024, kParameters = 1 << 20;

using Tensors = std::vector<at::Tensor>;
using Operation = std::function<void()>;

struct Case {
  const char* name;
  Operation ours, theirs;
};

at::Tensor normal(at::IntArrayRef sizes, at::ScalarType dtype = at::kFloat) {
  return at::randn(sizes).to(dtype);
}

/// Forward and backward of `function`, each input with a gradient.
Operation with_gradient(const Tensors& inputs,
                        const std::function<at::Tensor(const Tensors&)>& function) {
  Tensors leaves;
  for (const auto& input : inputs) leaves.push_back(input.detach().requires_grad_(true));
  const auto grad = at::ones_like(function(leaves));
  return [=] { torch::autograd::grad({function(leaves)}, leaves, {grad}); };
}

Case both(const char* name, const Tensors& inputs,
          const std::function<at::Tensor(const Tensors&)>& ours,
          const std::function<at::Tensor(const Tensors&)>& theirs) {
  return {name, with_gradient(inputs, ours), with_gradient(inputs, theirs)};
}

at::Tensor bf16(const at::Tensor& x) { return x.to(at::kBFloat16); }
at::Tensor their_linear(const at::Tensor& x, const at::Tensor& weight) {
  return at::linear(bf16(x), bf16(weight));
}
at::Tensor their_norm(const at::Tensor& x) {
  return at::rms_norm(x, {x.size(-1)}, {}, kNormEpsilon);
}
at::Tensor their_gate(const at::Tensor& x) {
  const auto halves = x.chunk(2, -1);
  return at::silu(halves[0]) * halves[1];
}

std::vector<Case> layers() {
  const auto stream = normal({kTokens, kWidth}), update = normal({kTokens, kWidth}, at::kBFloat16);
  const auto gates = normal({kTokens, 2 * kHidden}, at::kBFloat16);
  const auto in = normal({2 * kHidden, kWidth}), out = normal({kWidth, kHidden}),
             square = normal({kWidth, kWidth});
  return {both(
              "rms_norm", {stream}, [](const Tensors& t) { return rms_norm(t[0], true); },
              [](const Tensors& t) { return bf16(their_norm(t[0])); }),
          both(
              "residual + rms_norm", {stream, update},
              [](const Tensors& t) { return add_rms_norm(t[0], t[1]).norm; },
              [](const Tensors& t) { return bf16(their_norm(t[0] + t[1])); }),
          both(
              "swiglu", {gates}, [](const Tensors& t) { return swiglu(t[0]); },
              [](const Tensors& t) { return their_gate(t[0]); }),
          both(
              "rms_norm + product", {stream, in},
              [](const Tensors& t) { return norm_linear(t[0], t[1], true).product; },
              [](const Tensors& t) { return their_linear(their_norm(t[0]), t[1]); }),
          both(
              "product + residual", {stream, update, square},
              [](const Tensors& t) { return add_linear(t[0], t[1], t[2], true); },
              [](const Tensors& t) { return t[0] + their_linear(t[1], t[2]); }),
          both(
              "swiglu + product + residual", {stream, gates, out},
              [](const Tensors& t) { return add_gated_linear(t[0], t[1], t[2], true); },
              [](const Tensors& t) { return t[0] + their_linear(their_gate(t[1]), t[2]); })};
}

/// Norm of queries and keys, rotary embedding and attention within frames of 67 tokens.
Case placed_attention() {
  AttentionOptions options;
  options.normalise = true;
  options.scale = 1 / std::sqrt(32.0);
  options.rotation = rotation_in_space(8, 8, 1, 2, 32);
  const auto packed = normal({kFrames, kTokens / kFrames, 1, 3, 4, 32}, at::kBFloat16);
  const auto theirs = [options](const Tensors& t) {
    const auto turned = [&](const at::Tensor& x) {
      const auto halves = their_norm(x.to(at::kFloat)).chunk(2, -1);
      const auto cosine = options.rotation.cosine_LP, sine = options.rotation.sine_LP;
      return bf16(at::cat(
          {halves[0] * cosine - halves[1] * sine, halves[1] * cosine + halves[0] * sine}, -1));
    };
    const auto parts = t[0].squeeze(2).permute({2, 0, 3, 1, 4}).unbind(0);
    return at::scaled_dot_product_attention(turned(parts[0]), turned(parts[1]), parts[2], {}, 0,
                                            false, options.scale);
  };
  return both(
      "norm + rotary + attention", {packed},
      [options](const Tensors& t) { return self_attention(t[0], options); }, theirs);
}

std::vector<Case> pixels() {
  const auto bytes = at::randint(0, 256, {1, kFrames, kSide, kSide, 3}, at::kByte);
  const auto frames = pixels_from_bytes(bytes), other = normal(frames.sizes());
  const PatchGrid grid{8, 4};
  const auto their_patches = [=] {
    const auto x = bytes.to(at::kFloat).div_(127.5).sub_(1.0);
    const auto change =
        at::constant_pad_nd(x.slice(1, 1) - x.slice(1, 0, -1), {0, 0, 0, 0, 0, 0, 1, 0});
    const auto padded = at::constant_pad_nd(at::cat({x, change}, -1), {0, 0, 4, 4, 4, 4});
    bf16(padded.unfold(2, 16, 8).unfold(3, 16, 8).permute({0, 1, 2, 3, 5, 6, 4}).flatten(4));
  };
  const auto ids = at::tensor({int64_t{7}});
  const auto level = at::rand({1, kFrames, 1, 1, 1});
  return {{"bytes to patches and changes",
           [=] { patchify_with_changes(pixels_from_bytes(bytes), {}, grid, at::kBFloat16); },
           their_patches},
          {"noise of flow matching",
           [=] {
             at::lerp(
                 draw_normal(as_tensor({1, 2}), DrawStream::noise, ids, frames.sizes().slice(1)),
                 frames, level);
           },
           [=] { at::lerp(at::randn(frames.sizes()), frames, level); }},
          both(
              "squared error of frames", {frames},
              [=](const Tensors& t) { return frame_squared_error(t[0], other); },
              [=](const Tensors& t) { return (t[0] - other).square().flatten(2).sum(2); })};
}

Case cross_entropy() {
  const auto targets = at::randint(kVocabulary, {kTokens}, at::kLong);
  return both(
      "token cross-entropy", {normal({kTokens, kVocabulary}, at::kBFloat16)},
      [=](const Tensors& t) { return token_cross_entropy(t[0], targets); },
      [=](const Tensors& t) {
        return at::cross_entropy_loss(t[0], targets, {}, at::Reduction::None);
      });
}

std::vector<Case> optimizer() {
  const auto values = normal({kParameters}), gradients = normal({kParameters}),
             average = values.clone();
  const auto moment1 = at::zeros({kParameters}), moment2 = at::zeros({kParameters}),
             step = at::ones({});
  const AdamWConstants constants{0.9, 0.95, 1e-8, 0.1};
  const auto numbers = adamw_numbers(constants, {1e-3, 1, 0.99, 1});
  return {{"AdamW and weight average",
           [=] { adamw(values, gradients, moment1, moment2, average, constants, numbers); },
           [=] {
             at::_fused_adamw_({values}, {gradients}, {moment1}, {moment2}, {}, {step}, 1e-3, 0.9,
                               0.95, 0.1, 1e-8, false, false);
             average.lerp_(values, 0.01);
           }},
          {"norm of the gradient", [=] { squared_norm(gradients); },
           [=] { gradients.norm(2, at::kDouble).item<double>(); }}};
}

OperationBench time_operation(const Case& each, int64_t rounds) {
  constexpr int kRuns = 5;  // a turn is long enough for the clock
  const auto turn = [](const Operation& run) {
    return seconds_of([&] {
             for (int i = 0; i < kRuns; ++i) run();
           }) /
           kRuns;
  };
  std::vector<double> ours_s, theirs_s;
  for (int64_t round = -1; round < rounds; ++round) {  // the first is to warm up
    const double times_s[] = {turn(each.ours), turn(each.theirs)};
    if (round < 0) continue;
    ours_s.push_back(times_s[0]), theirs_s.push_back(times_s[1]);
  }
  return {each.name, median(ours_s), median(theirs_s)};
}

}  // namespace

void bench_operations(int64_t rounds, const std::function<void(const OperationBench&)>& done) {
  auto cases = layers();
  cases.push_back(placed_attention());
  for (auto& each : pixels()) cases.push_back(each);
  cases.push_back(cross_entropy());
  for (auto& each : optimizer()) cases.push_back(each);
  for (const auto& each : cases) done(time_operation(each, rounds));
}

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

AttentionBench time_attention(const Shape& shape, at::ScalarType dtype, bool in_place,
                              int64_t rounds) {
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
        done(time_attention({kPositions / length, length, head_dim, 1}, dtype, in_place, rounds));
      }
      done(time_attention({4, 1024, head_dim, kFrameTokens}, dtype, in_place, rounds));
    }
  }
}

}  // namespace nextframe
