// The operators on CUDA tensors: 16 bits have kernels there, for short sequences and for long ones.
#include <c10/util/ScopeExit.h>

#include "kernels/attention.h"
#include "kernels/cuda/cudnn_attention.h"
#include "kernels/flash_choice.h"
#include "kernels/kernel_warnings.h"
#include "kernels/torch.h"
#include "tests/kernels/gradient.h"

namespace nextframe {
namespace {

using namespace testing_gradient;

struct Case {
  int64_t length, head_dim;
  AttentionMask mask;
  bool placed;
};

AttentionMask frames(int64_t frame_tokens, int64_t window = 0, int64_t sink = 0, int64_t clip = 0) {
  AttentionMask mask;
  mask.frame_tokens = frame_tokens, mask.window_frames = window, mask.sink_frames = sink,
  mask.clip_frames = clip;
  return mask;
}

std::string name_of(const Case& c) {
  return c10::str(c.length, "x", c.head_dim, c.placed ? " placed" : "", ", frames of ",
                  c.mask.frame_tokens, ", ", c.mask.window_frames);
}

std::vector<Case> many_cases() {
  std::vector<Case> cases;
  for (const int64_t length : {1, 5, 16, 17, 32, 47, 64}) {
    for (const int64_t head_dim : {32, 64, 128}) {
      for (const bool placed : {false, true})
        cases.push_back({length, head_dim, frames(1), placed});
    }
  }
  for (const auto& mask : {AttentionMask{}, frames(4), frames(3, 2, 1), frames(2, 2, 1, 6)}) {
    cases.push_back({30, 32, mask, true});
    cases.push_back({60, 64, mask, false});
  }
  for (const auto& mask : {AttentionMask{}, frames(1), frames(64), frames(48, 3), frames(5, 20, 3),
                           frames(2, 20, 1, 60)}) {
    for (const int64_t head_dim : {32, 64, 128}) {
      for (const int64_t length : {65, 300}) {
        cases.push_back({length, head_dim, mask, length == 300});
      }
    }
  }
  return cases;
}

AttentionOptions options_of(const Case& c, c10::Device device) {
  AttentionOptions options;
  options.mask = c.mask;
  options.normalise = c.placed;
  options.scale = (c.placed ? 1.5 : 1.0) / std::sqrt(static_cast<double>(c.head_dim));
  if (!c.placed) return options;
  const auto rotation = rotation_in_time(c.length, c.head_dim);
  options.rotation = {rotation.cosine_LP.to(device), rotation.sine_LP.to(device)};
  return options;
}

/// What someone without these kernels would write: norm and turn in float32, rounded, and
/// LibTorch's attention in 16 bits.
at::Tensor by_libtorch(const at::Tensor& x_OLI3KF, const AttentionOptions& options) {
  const auto place = [&](const at::Tensor& x_OLIKF) {
    auto x = x_OLIKF.to(at::kFloat);
    if (options.normalise) x = x * (x.square().mean(-1, true) + 1e-5).rsqrt();
    if (options.rotation.cosine_LP.defined()) {
      const auto c = options.rotation.cosine_LP.view({x.size(1), 1, 1, -1}),
                 s = options.rotation.sine_LP.view({x.size(1), 1, 1, -1});
      const auto halves = x.chunk(2, -1);
      x = at::cat({halves[0] * c - halves[1] * s, halves[1] * c + halves[0] * s}, -1);
    }
    return x.to(x_OLIKF.scalar_type()).permute({0, 2, 3, 1, 4});
  };
  auto mask = options.mask;
  mask.keys = x_OLI3KF.size(1);
  auto visible = at::zeros({mask.keys, mask.keys}, at::kBool);
  for (int64_t i = 0; i < mask.keys; ++i) {
    for (const auto interval : {mask.seen(i), mask.sink(i)}) {
      if (interval.end > interval.begin)
        visible[i].slice(0, interval.begin, interval.end).fill_(true);
    }
  }
  const auto value = x_OLI3KF.select(3, 2).permute({0, 2, 3, 1, 4});
  const auto result = at::_scaled_dot_product_attention_math(
      place(x_OLI3KF.select(3, 0)), place(x_OLI3KF.select(3, 1)), value,
      visible.to(x_OLI3KF.device()), 0.0, false, std::nullopt, options.scale);
  return std::get<0>(result).permute({0, 3, 1, 2, 4});
}

/// Result and gradient.
using Both = std::pair<at::Tensor, at::Tensor>;

template <class F>
Both both_of(const F& f, const at::Tensor& projections, const at::Tensor& grad) {
  const auto leaf = projections.detach().clone().requires_grad_(true);
  const auto result = f(leaf);
  result.backward(grad.to(result.scalar_type()));
  return {result.detach().cpu(), leaf.grad().cpu()};
}

class AttentionOnCuda : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!at::hasCUDA()) GTEST_SKIP() << "needs a GPU";
  }

  static at::Tensor on_gpu(at::IntArrayRef sizes, uint64_t seed, at::ScalarType dtype) {
    return random(sizes, seed).to(dtype).to(at::kCUDA);
  }
  static Both kernels(const at::Tensor& x, const at::Tensor& grad,
                      const AttentionOptions& options) {
    return both_of([&](const at::Tensor& leaf) { return self_attention(leaf, options); }, x, grad);
  }
};

/// At most twice as far from the definition in float64 as LibTorch's own.
void expect_as_exact(const Both& got, const at::Tensor& x, const at::Tensor& grad, const Case& c) {
  const auto options = options_of(c, at::kCUDA), on_cpu = options_of(c, at::kCPU);
  const auto peer =
      both_of([&](const at::Tensor& leaf) { return by_libtorch(leaf, options); }, x, grad);
  const auto exact = both_of(
      [&](const at::Tensor& leaf) {
        return attention_definition(leaf.select(3, 0), leaf.select(3, 1), leaf.select(3, 2),
                                    on_cpu);
      },
      x.cpu().to(at::kDouble), grad.cpu());
  EXPECT_LE(relative_error(got.first, exact.first), 2 * relative_error(peer.first, exact.first))
      << name_of(c) << " " << x.scalar_type();
  EXPECT_LE(relative_error(got.second, exact.second), 2 * relative_error(peer.second, exact.second))
      << name_of(c) << " " << x.scalar_type();
}

TEST_F(AttentionOnCuda, IsAsExactAsLibTorchs) {
  for (const auto dtype : {at::kBFloat16, at::kHalf}) {
    for (const auto& c : many_cases()) {
      const auto x = on_gpu({2, c.length, 5, 3, 3, c.head_dim}, 1, dtype);
      const auto grad = on_gpu({2, c.length, 5, 3, c.head_dim}, 2, dtype);
      const auto options = options_of(c, at::kCUDA);
      expect_as_exact(kernels(x, grad, options), x, grad, c);
    }
  }
}

TEST_F(AttentionOnCuda, ByCudnnGoesWithOurOwnHalves) {
  if (!has_cudnn()) GTEST_SKIP() << "needs a build with cuDNN";
  std::vector<std::string> refusals;
  const KernelWarningListener listener([&](const std::string& note) {
    if (note.find("cuDNN") != note.npos) refusals.push_back(note);  // not those of earlier tests
  });
  const auto put_back = c10::make_scope_exit([] { choose_flash_kernels("mma"); });
  const std::pair<const char*, const char*> halves[] = {
      {"cudnn", "cudnn"}, {"cudnn", "mma"}, {"mma", "cudnn"}};
  for (const auto dtype : {at::kBFloat16, at::kHalf}) {
    for (const int64_t head_dim : {32, 64, 128}) {
      for (const auto& mask : {AttentionMask{}, frames(1)}) {
        for (const auto& [forward, backward] : halves) {
          const Case c{300, head_dim, mask, true};
          const auto options = options_of(c, at::kCUDA);
          const auto x = on_gpu({2, 300, 1, 3, 3, head_dim}, 1, dtype);
          const auto grad = on_gpu({2, 300, 1, 3, head_dim}, 2, dtype);
          const auto leaf = x.clone().requires_grad_(true);
          choose_flash_kernels(forward);
          const auto result = self_attention(leaf, options);
          choose_flash_kernels(backward);
          result.backward(grad);
          expect_as_exact({result.detach().cpu(), leaf.grad().cpu()}, x, grad, c);
        }
      }
    }
  }
  for (const auto& refusal : refusals) ADD_FAILURE() << refusal;
}

TEST_F(AttentionOnCuda, BitsOfASequenceDependOnItAlone) {
  for (const int64_t length : {16, 30, 64, 140}) {
    const Case c{length, 64, frames(1), true};
    const auto options = options_of(c, at::kCUDA);
    const auto x = on_gpu({3, length, 700, 3, 2, 64}, 1, at::kBFloat16);
    const auto grad = on_gpu({3, length, 700, 2, 64}, 2, at::kBFloat16);
    const auto first = kernels(x, grad, options), again = kernels(x, grad, options);
    EXPECT_TRUE(at::equal(first.first, again.first));
    EXPECT_TRUE(at::equal(first.second, again.second));
    const auto cut = [](const at::Tensor& all) {
      return all.slice(0, 1, 2).slice(2, 301, 302).contiguous();
    };
    const auto alone = kernels(cut(x), cut(grad), options);
    EXPECT_TRUE(at::equal(alone.first, cut(first.first)));
    EXPECT_TRUE(at::equal(alone.second, cut(first.second)));
  }
}

TEST_F(AttentionOnCuda, TakesMoreSequencesThanAGridHasRows) {
  const auto options = options_of({4, 32, frames(1), true}, at::kCUDA);
  const auto x = on_gpu({70000, 4, 1, 3, 1, 32}, 1, at::kBFloat16);
  const auto grad = on_gpu({70000, 4, 1, 1, 32}, 2, at::kBFloat16);
  const auto all = kernels(x, grad, options);
  const auto last = kernels(x.slice(0, 69999), grad.slice(0, 69999), options);
  EXPECT_TRUE(at::equal(all.first.slice(0, 69999), last.first));
  EXPECT_TRUE(at::equal(all.second.slice(0, 69999), last.second));
}

TEST_F(AttentionOnCuda, AnswersLaterQueriesFromAMemoryOfKeys) {
  auto options = options_of({40, 32, frames(2), true}, at::kCUDA);
  const auto x = on_gpu({2, 40, 5, 3, 2, 32}, 1, at::kBFloat16);
  const auto all = self_attention(x, options);
  const auto q = x.select(3, 0), k = x.select(3, 1), v = x.select(3, 2);
  for (const int64_t first : {2, 20, 38}) {
    options.mask.first_query = first;
    const auto some = attention(q.slice(1, first, first + 2), k.slice(1, 0, first + 2),
                                v.slice(1, 0, first + 2), options);
    EXPECT_LT(relative_error(some.cpu(), all.slice(1, first, first + 2).cpu().to(at::kDouble)),
              4e-3);
  }
}

TEST_F(AttentionOnCuda, AnswersLaterQueriesOfLongSequences) {
  auto options = options_of({300, 64, frames(20, 7, 2), true}, at::kCUDA);
  const auto x = on_gpu({2, 300, 3, 3, 2, 64}, 1, at::kBFloat16);
  const auto all = self_attention(x, options);
  const auto q = x.select(3, 0), k = x.select(3, 1), v = x.select(3, 2);
  for (const int64_t first : {80, 280}) {
    options.mask.first_query = first;
    const auto some = attention(q.slice(1, first, first + 20), k.slice(1, 0, first + 20),
                                v.slice(1, 0, first + 20), options);
    EXPECT_LT(relative_error(some.cpu(), all.slice(1, first, first + 20).cpu().to(at::kDouble)),
              4e-3);
  }
}

TEST_F(AttentionOnCuda, BackwardWithoutWhatForwardKeptIsTheSame) {
  const auto options = options_of({200, 64, frames(1), true}, at::kCUDA);
  const auto x = on_gpu({2, 200, 1, 3, 2, 64}, 1, at::kBFloat16);
  const auto grad = on_gpu({2, 200, 1, 2, 64}, 2, at::kBFloat16);
  const auto kept = kernels(x, grad, options);
  const auto op =
      c10::Dispatcher::singleton()
          .findSchemaOrThrow("nextframe::self_attention_backward", "")
          .typed<at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&,
                            const std::optional<at::Tensor>&, at::IntArrayRef, double)>();
  const auto alone = op.call(grad, x, options.rotation.cosine_LP, options.rotation.sine_LP,
                             {1, 0, 0, 0, 0, 1}, options.scale);
  EXPECT_TRUE(at::equal(alone.cpu(), kept.second));
}

TEST_F(AttentionOnCuda, OfEverythingElseIsTheDefinition) {
  struct Other {
    int64_t length, head_dim;
    at::ScalarType dtype;
    double tolerance;
  };
  for (const auto& other : {Other{16, 32, at::kFloat, 1e-5}, Other{130, 32, at::kFloat, 1e-5},
                            Other{16, 40, at::kBFloat16, 1e-2}}) {
    const Case c{other.length, other.head_dim, frames(1), true};
    const auto x = on_gpu({2, other.length, 3, 3, 2, other.head_dim}, 1, other.dtype);
    const auto grad = on_gpu({2, other.length, 3, 2, other.head_dim}, 2, other.dtype);
    const auto got = kernels(x, grad, options_of(c, at::kCUDA));
    const auto exact = kernels(x.cpu().to(at::kDouble), grad.cpu(), options_of(c, at::kCPU));
    EXPECT_LT(relative_error(got.first, exact.first), other.tolerance) << name_of(c);
    EXPECT_LT(relative_error(got.second, exact.second), other.tolerance) << name_of(c);
  }
}

}  // namespace
}  // namespace nextframe
