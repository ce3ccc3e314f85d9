#include <gtest/gtest.h>

#include "kernels/attention.h"
#include "kernels/torch.h"
#include "model/time_kv_cache.h"

namespace nextframe {
namespace {

at::Tensor frames_of(int64_t count) {  // [B, T, N, 3, K, F]
  return at::randn({2, count, 3, 3, 2, 8}, at::make_generator<at::CPUGeneratorImpl>(1));
}

AttentionOptions options_of() {
  AttentionOptions options;
  options.scale = 0.5;
  options.normalise = true;
  options.mask.frame_tokens = 1;
  return options;
}

/// All frames at once, each through a window.
at::Tensor at_once(const at::Tensor& frames, int64_t window) {
  auto options = options_of();
  options.mask.window_frames = window;
  options.rotation = rotation_in_time(frames.size(1), 8);
  return self_attention(frames, options);
}

Rotation in_time(int64_t num_frames, int64_t first) {
  return rotation_in_time(num_frames, 8, first);
}

/// By a memory that is given so many frames at a time.
at::Tensor in_pieces(const at::Tensor& frames, int64_t window, std::vector<int64_t> pieces) {
  TimeKvCache memory(window);
  TimeRotations angles(window, in_time);
  std::vector<at::Tensor> results;
  int64_t first = 0;
  for (size_t i = 0; first < frames.size(1); ++i) {
    const int64_t count = i < pieces.size() ? pieces[i] : 1;
    auto options = options_of();
    options.rotation = angles.next(count, at::kCPU, true);
    results.push_back(memory.attend(frames.narrow(1, first, count), options, true));
    first += count;
  }
  return at::cat(results, 1);
}

TEST(TimeKvCache, SeesWhatAWindowOverAllFramesShows) {
  const torch::NoGradGuard no_grad;
  for (const int64_t window : {1, 2, 5, 7}) {
    const auto frames = frames_of(3 * window + 4);  // around the ring several times
    const auto expected = at_once(frames, window);
    for (const auto& pieces :
         std::vector<std::vector<int64_t>>{{},
                                           {window},
                                           {std::max<int64_t>(1, window - 1)},
                                           {1, window},
                                           {window, 1, window},
                                           {2 * window + 1}}) {  // more than it keeps
      EXPECT_TRUE(at::allclose(in_pieces(frames, window, pieces), expected, 1e-5, 1e-5)) << window;
    }
  }
}

TEST(TimeKvCache, OfBfloat16StaysNearFarBeyondItsWindow) {
  const torch::NoGradGuard no_grad;
  const auto frames = frames_of(60).to(at::kBFloat16);
  const auto error = in_pieces(frames, 5, {5}).to(at::kFloat) - at_once(frames.to(at::kFloat), 5);
  EXPECT_LT(error.norm().item<float>(), 0.01 * std::sqrt(static_cast<float>(error.numel())));
}

TEST(TimeKvCache, OfWholeFramesSeesAllTokensOfItsWindow) {
  const torch::NoGradGuard no_grad;
  constexpr int64_t kTokens = 3, kWindow = 4, kFrames = 11;
  const auto packed = at::randn({2, kFrames * kTokens, 1, 3, 2, 8});
  const auto in_space = rotation_in_space(1, kTokens, 0, 0, 4);
  const auto make = [&](int64_t num_frames, int64_t first) {
    return rotation_in_space_time(rotation_in_time(num_frames, 4, first), in_space);
  };
  auto options = options_of();
  options.mask.frame_tokens = kTokens;
  options.mask.window_frames = kWindow;
  options.rotation = make(kFrames, 0);
  const auto expected = self_attention(packed, options);
  for (const auto& pieces : std::vector<std::vector<int64_t>>{{}, {2}, {6}, {4, 3}}) {
    TimeKvCache cache(kWindow, kTokens);
    TimeRotations angles(kWindow, make, kTokens);
    std::vector<at::Tensor> results;
    int64_t first = 0;
    for (size_t i = 0; first < kFrames; ++i) {
      const int64_t count = i < pieces.size() ? pieces[i] : 1;
      auto next = options_of();
      next.rotation = angles.next(count, at::kCPU, true);
      results.push_back(
          cache.attend(packed.narrow(1, first * kTokens, count * kTokens), next, true));
      first += count;
    }
    EXPECT_TRUE(at::allclose(at::cat(results, 1), expected, 1e-5, 1e-5));
  }
}

TEST(TimeKvCache, ALookLeavesNoTrace) {
  const torch::NoGradGuard no_grad;
  constexpr int64_t kWindow = 4;
  const auto frames = frames_of(11), others = frames_of(11) + 1;
  const auto expected = at_once(frames, kWindow);
  TimeKvCache cache(kWindow);
  TimeRotations angles(kWindow, in_time);
  for (int64_t t = 0; t < frames.size(1); ++t) {
    auto options = options_of();
    options.rotation = angles.next(1, at::kCPU, false);
    const auto frame = frames.narrow(1, t, 1);
    for (const auto& seen : {others.narrow(1, t, 1), frame}) {
      const auto looked = cache.attend(seen, options, false);
      EXPECT_EQ(at::allclose(looked, expected.narrow(1, t, 1), 1e-5, 1e-5), seen.is_same(frame));
    }
    options.rotation = angles.next(1, at::kCPU, true);
    EXPECT_TRUE(
        at::allclose(cache.attend(frame, options, true), expected.narrow(1, t, 1), 1e-5, 1e-5));
  }
}

TEST(TimeKvCache, LooksAtSeveralOneAfterTheOtherAndForgetsThem) {
  const torch::NoGradGuard no_grad;
  constexpr int64_t kWindow = 6, kLooks = 3;  // a frame of 3 tokens, a window of 2 frames
  const auto tokens = frames_of(15), others = frames_of(15) + 1;
  const auto expected = at_once(tokens, kWindow);
  TimeKvCache cache(kWindow, 1, kLooks);
  const auto attend = [&](const at::Tensor& source, int64_t first, int64_t count, bool appends,
                          int64_t ahead) {
    auto options = options_of();
    options.rotation = rotation_in_time(count, 8, first);
    return cache.attend(source.narrow(1, first, count), options, appends, ahead);
  };
  for (int64_t t = 0; t < tokens.size(1); t += kLooks) {
    for (int64_t i = 0; i < kLooks; ++i) attend(others, t + i, 1, false, i);
    std::vector<at::Tensor> looked;
    for (int64_t i = 0; i < kLooks; ++i) looked.push_back(attend(tokens, t + i, 1, false, i));
    const auto truth = expected.narrow(1, t, kLooks);
    EXPECT_TRUE(at::allclose(at::cat(looked, 1), truth, 1e-5, 1e-5)) << t;
    EXPECT_TRUE(at::allclose(attend(tokens, t, kLooks, false, 0), truth, 1e-5, 1e-5)) << t;
    EXPECT_TRUE(at::allclose(attend(tokens, t, kLooks, true, 0), truth, 1e-5, 1e-5)) << t;
  }
  EXPECT_THROW(attend(tokens, 0, 1, false, kLooks), c10::Error);
}

TEST(TimeRotations, OfAFrameAreThoseOfItsNumber) {
  TimeRotations angles(4, in_time);
  const auto all = rotation_in_time(30, 8);
  int64_t first = 0;
  for (const int64_t count : {3, 1, 1, 1, 4, 1, 2, 1, 1, 1, 1, 1, 6, 1, 1}) {
    EXPECT_TRUE(at::allclose(angles.next(1, at::kCPU, false).sine_LP,
                             rotation_in_time(1, 8, first).sine_LP, 0, 1e-7));  // does not count
    const auto rows = angles.next(count, at::kCPU, true);
    EXPECT_TRUE(at::allclose(rows.cosine_LP, all.cosine_LP.narrow(0, first, count), 0, 1e-7));
    EXPECT_TRUE(at::allclose(rows.sine_LP, all.sine_LP.narrow(0, first, count), 0, 1e-7));
    first += count;
  }
}

}  // namespace
}  // namespace nextframe
