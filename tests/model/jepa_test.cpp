#include <gtest/gtest.h>
#include <torch/optim/adam.h>

#include "tests/model/fake_network.h"
#include "tests/model/tiny.h"

namespace nextframe {
namespace {

using tiny::FakeNetwork;

const auto kJepaDraw = as_tensor({3, 0});

std::shared_ptr<Objective> jepa(double weight, int64_t steps_ahead = 1) {
  tiny::SetFields fields({{"steps_ahead", steps_ahead}}, {}, {{"weight", weight}});
  return ObjectiveRegistry::instance().get("jepa", "objective").make(fields);
}

/// B clips of 16 frames of 2 tokens of 8 values.
Clip latent_clip(const at::Tensor& x_BTNE) {
  const int64_t B = x_BTNE.size(0), T = x_BTNE.size(1);
  return {.x_BT = x_BTNE,
          .actions_BTA = at::zeros({B, T, 1}),
          .before_B1A = at::zeros({B, 1, 1}),
          .mask_BT = at::ones({B, T}, at::kBool),
          .sample_ids_B = at::arange(B)};
}

at::Tensor normal_latents(int64_t rows, uint64_t seed = 5) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  return at::randn({rows, 16, 2, 8}, generator);
}

at::Tensor no_change(const NetworkInput& all) { return at::zeros_like(all.x_BT); }

/// The mean statistic of a grain.
double sigreg_of(const at::Tensor& x_BTNE) {
  FakeNetwork network(no_change);
  const auto terms = jepa(1)->loss(network, latent_clip(x_BTNE), kJepaDraw);
  return terms.sums.at("sigreg").item<double>() / terms.weight.item<double>();
}

TEST(Jepa, SigRegHasTheMeanThatTheStatisticHasOfNormalValues) {
  double sum = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) sum += sigreg_of(normal_latents(8, seed));
  EXPECT_NEAR(sum / 40, 1.05, 0.12);
}

TEST(Jepa, SigRegGrowsWithTheFramesOfALatentThatHasCollapsed) {
  EXPECT_NEAR(sigreg_of(at::zeros({8, 16, 2, 8})), 0.4017 * 128, 0.05 * 128);
  EXPECT_NEAR(sigreg_of(at::zeros({16, 16, 2, 8})), 0.4017 * 256, 0.05 * 256);
}

TEST(Jepa, SigRegSeesScaleShiftAndAMissingDimension) {
  const auto x = normal_latents(64);
  const double good = sigreg_of(x);
  EXPECT_GT(sigreg_of(x * 2), 10 * good);
  EXPECT_GT(sigreg_of(x + 0.5), 5 * good);
  auto flat = x.clone();
  flat.slice(3, 4).zero_();
  EXPECT_GT(sigreg_of(flat), 3 * good);
}

TEST(Jepa, GradientsPassThroughTheTargetToo) {
  auto x = normal_latents(2).requires_grad_();
  FakeNetwork network(no_change);
  jepa(0)->loss(network, latent_clip(x), kJepaDraw).sum.backward();
  const auto last = x.grad().select(1, 15),
             expected = 2 * (x - x.roll(1, 1)).detach().select(1, 15);
  EXPECT_TRUE(at::allclose(last, expected, 1e-4, 1e-5));  // it is a target alone
}

TEST(Jepa, LooksFurtherAheadFromItsOwnPredictions) {
  const auto x = normal_latents(2);
  FakeNetwork network([](const NetworkInput& all) { return at::ones_like(all.x_BT); });
  const auto terms = jepa(0, 3)->loss(network, latent_clip(x), kJepaDraw);
  // Two calls for the predictions, and one with all.
  ASSERT_EQ(network.seen.size(), 3);
  const auto shown = network.seen[2].x_BT.chunk(3);
  // Frame 5 as it is shown, predicted from frame 5 - k of the truth, k times one more.
  for (int64_t k = 0; k < 3; ++k) {
    EXPECT_TRUE(at::allclose(shown[static_cast<size_t>(k)].select(1, 5),
                             x.select(1, 5 - k) + static_cast<double>(k)));
  }
  double expected = 0;
  for (int64_t k = 1; k <= 3; ++k) {
    const auto guess = x.slice(1, 0, 16 - k) + static_cast<double>(k);
    expected += (guess - x.slice(1, k)).square().sum().item<double>() / 3;
  }
  EXPECT_NEAR(terms.sum.item<double>() / expected, 1, 1e-4);
}

/// Root of the mean variance of a frame's latents over frames, after a short training.
double spread_after_training(double weight) {
  tiny::Options options;
  options.model = "space_time_transformer";
  options.objective = "jepa";
  options.tokenizer = "patch_encoder";
  options.reals["weight"] = weight;
  const auto model = tiny::make(options);
  torch::optim::Adam optimizer(model->parameters(), torch::optim::AdamOptions(3e-3));
  const auto clip = tiny::clips(options.shape, 8);
  for (int step = 0; step < 200; ++step) {
    const auto terms = model->loss(clip, as_tensor({7, static_cast<uint64_t>(step)}));
    optimizer.zero_grad();
    (terms.sum / terms.weight).backward();
    optimizer.step();
  }
  const torch::NoGradGuard no_grad;
  const auto encoder = std::dynamic_pointer_cast<Tokenizer>(model->named_children()["encoder"]);
  return encoder->encode(clip.frames_BTHWC).flatten(0, 1).var(0).mean().sqrt().item<double>();
}

TEST(Jepa, CollapsesWithoutItsRegulariserAndNotWithIt) {
  const double with = spread_after_training(0.1), without = spread_after_training(0);
  EXPECT_GT(with, 0.5);
  EXPECT_LT(without, with / 2) << with;
}

}  // namespace
}  // namespace nextframe
