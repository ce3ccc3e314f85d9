// What every registered tokenizer must do.
#include <gtest/gtest.h>
#include <torch/optim/adam.h>

#include "kernels/patchify.h"
#include "model/running_sum.h"
#include "tests/fake_device/fake_device.h"
#include "tests/fake_device/recording.h"
#include "tests/model/tiny.h"

namespace nextframe {
namespace {

using tiny::clips;

const ClipShape kShape{3, 16, 16, 3, 0};

class EveryTokenizer : public testing::TestWithParam<std::string> {
 protected:
  static std::shared_ptr<Tokenizer> make(bool bf16 = false, uint64_t seed = 3) {
    return tiny::make_tokenizer(GetParam(), kShape, bf16, seed);
  }
  static std::shared_ptr<Tokenizer> make_disturbed(bool bf16 = false) {
    return tiny::disturbed(make(bf16));
  }
};

double value(const at::Tensor& tensor) { return tensor.item<double>(); }

/// As the optimizer does it with running sums, for a test without one.
void take_sums(Tokenizer& tokenizer) {
  const torch::NoGradGuard no_grad;
  for (auto& item : tokenizer.named_parameters()) {
    if (is_running_sum(item.key())) item.value().copy_(item.value().grad());
  }
}

TEST_P(EveryTokenizer, GivesEveryParameterAGradient) {
  const auto tokenizer = make_disturbed();
  const auto terms = tokenizer->loss(clips(kShape, 2), as_tensor({7, 0}));
  EXPECT_EQ(value(terms.weight), 2 * 3 * 16 * 16 * 3);
  terms.sum.backward();
  for (const auto& item : tokenizer->named_parameters()) {
    ASSERT_TRUE(item.value().grad().defined()) << item.key();
    EXPECT_GT(item.value().grad().abs().max().item<float>(), 0) << item.key();
  }
}

TEST_P(EveryTokenizer, OverfitsOneBatch) {
  const auto tokenizer = make();
  std::vector<at::Tensor> learned;
  for (const auto& item : tokenizer->named_parameters())
    if (!is_running_sum(item.key())) learned.push_back(item.value());
  torch::optim::Adam optimizer(learned, torch::optim::AdamOptions(1e-2));
  const auto batch = clips(kShape, 1);
  double first = 0, last = 0;
  for (int step = 0; step < 150; ++step) {
    for (const auto& parameter : tokenizer->parameters()) parameter.mutable_grad().reset();
    const auto terms = tokenizer->loss(batch, as_tensor({7, 0}));
    last = value(terms.sums.at("reconstruction_squared_error")) / value(terms.weight);
    if (step == 0) first = last;
    (terms.sum / terms.weight).backward();
    optimizer.step();
  }
  EXPECT_LT(last, first * 0.6);
}

TEST_P(EveryTokenizer, EncodesAndDecodesInItsOwnSpace) {
  const auto tokenizer = make_disturbed();
  tokenizer->freeze();
  const auto batch = clips(kShape, 2);
  const auto space = tokenizer->space();
  const torch::NoGradGuard no_grad;
  const auto latents = tokenizer->encode(batch.frames_BTHWC);
  EXPECT_EQ(latents.size(2), space.tokens());
  if (space.kind == LatentSpace::Kind::codes) {
    EXPECT_EQ(latents.scalar_type(), at::kLong);
    EXPECT_EQ(latents.dim(), 3);
    EXPECT_GE(latents.min().item<int64_t>(), 0);
    EXPECT_LT(latents.max().item<int64_t>(), space.num_codes());
  } else {
    EXPECT_EQ(latents.size(3), space.width);
  }
  EXPECT_EQ(tokenizer->decode(latents).sizes(), batch.frames_BTHWC.sizes());
  // A frame by itself, whatever is around it.
  EXPECT_TRUE(at::allclose(tokenizer->encode(batch.frames_BTHWC.slice(0, 1, 2).slice(1, 2, 3)),
                           latents.slice(0, 1, 2).slice(1, 2, 3), 0, 1e-4));
  const auto seen = tokenizer->reconstruct(batch.frames_BTHWC);
  EXPECT_GE(seen.min().item<float>(), 0);
  EXPECT_LE(seen.max().item<float>(), 1);
}

TEST_P(EveryTokenizer, LosesOnTwoClipsTheSumOfEach) {
  const auto tokenizer = make_disturbed();
  const auto both = clips(kShape, 2);
  const auto sums_of = [&](const Batch& batch) {
    for (const auto& parameter : tokenizer->parameters()) parameter.mutable_grad().reset();
    const auto terms = tokenizer->loss(batch, as_tensor({7, 3}));
    terms.sum.backward();
    std::vector<at::Tensor> gradients = {terms.sum.detach().reshape({1}).clone()};
    for (const auto& parameter : tokenizer->parameters())
      gradients.push_back(parameter.grad().clone());
    return gradients;
  };
  const auto together = sums_of(both), left = sums_of(tiny::rows(both, 0, 1)),
             right = sums_of(tiny::rows(both, 1, 2));
  for (size_t i = 0; i < together.size(); ++i) {
    const auto sum = left[i] + right[i];
    EXPECT_LT((sum - together[i]).norm().item<float>(), 1e-4F * sum.norm().item<float>() + 1e-6F);
  }
}

TEST_P(EveryTokenizer, IgnoresFramesThatAreMaskedOut) {
  const auto tokenizer = make_disturbed();
  auto batch = clips(kShape, 1);
  batch.mask_BT.slice(1, 2).fill_(false);
  const auto gradients = [&] {
    for (const auto& parameter : tokenizer->parameters()) parameter.mutable_grad().reset();
    tokenizer->loss(batch, as_tensor({7, 0})).sum.backward();
    std::vector<at::Tensor> all;
    for (const auto& parameter : tokenizer->parameters()) all.push_back(parameter.grad().clone());
    return all;
  };
  const auto before = gradients();
  batch.frames_BTHWC.slice(1, 2).fill_(9);
  const auto after = gradients();
  for (size_t i = 0; i < before.size(); ++i)
    EXPECT_TRUE(at::allclose(before[i], after[i], 1e-6, 1e-6)) << i;
}

TEST_P(EveryTokenizer, IsDrawnByItsSeedAlone) {
  const auto one = make(), same = make(), other = make(false, 4);
  const auto equal = [](const at::Tensor& a, const at::Tensor& b) { return at::equal(a, b); };
  EXPECT_TRUE(std::ranges::equal(one->parameters(), same->parameters(), equal));
  EXPECT_FALSE(std::ranges::equal(one->parameters(), other->parameters(), equal));
}

TEST_P(EveryTokenizer, AgreesInBf16WithFloat32) {
  const auto batch = clips(kShape, 2);
  const double exact = value(make_disturbed()->loss(batch, as_tensor({7, 0})).sum);
  EXPECT_NEAR(value(make_disturbed(true)->loss(batch, as_tensor({7, 0})).sum) / exact, 1, 0.05);
}

TEST_P(EveryTokenizer, CanBeCapturedInAGraph) {
  using fake_device::to_device;
  const auto tokenizer = make_disturbed();
  to_device(*tokenizer);
  for (auto& parameter : tokenizer->parameters())
    parameter.mutable_grad() = to_device(at::zeros(parameter.sizes()));
  const auto batch =
      clips(kShape, 2).map([](const at::Tensor& tensor) { return to_device(tensor); });
  const auto draw = to_device(as_tensor({7, 0}));
  fake_device::run_strictly([&] { tokenizer->loss(batch, draw).sum.backward(); });
}

INSTANTIATE_TEST_SUITE_P(Registered, EveryTokenizer, testing::ValuesIn([] {
                           auto names = tiny::tokenizers();
                           std::erase(names, "pixels");
                           return names;
                         }()),
                         [](const auto& tested) { return tested.param; });

TEST(MaskedAutoencoder, GivesLatentsOfMeanZeroAndVarianceOne) {
  const auto tokenizer = tiny::make_tokenizer("masked_autoencoder", kShape);
  const auto batch = clips(kShape, 8);
  tokenizer->loss(batch, as_tensor({7, 0})).sum.backward();
  // Carried in training, when patches are hidden, so that whole frames are only about like that.
  take_sums(*tokenizer);
  tokenizer->freeze();
  const torch::NoGradGuard no_grad;
  const auto latents = tokenizer->encode(batch.frames_BTHWC);
  EXPECT_LT(latents.mean({0, 1, 2}).abs().max().item<float>(), 1.5F);
  EXPECT_LT(latents.std().item<float>(), 2.5F);
  EXPECT_GT(latents.std().item<float>(), 0.4F);
  const auto monitors = tokenizer->monitors();
  EXPECT_GT(monitors.at("latent_std"), 0);
  EXPECT_GE(monitors.at("latent_rank"), 1);
  EXPECT_LE(monitors.at("latent_rank"), 4);
}

TEST(Fsq, HasAOneHotDigitForEachPlaceOfItsVectors) {
  const auto tokenizer = tiny::make_tokenizer("fsq", kShape);
  const auto vectors = tokenizer->space().code_vectors_VE;
  EXPECT_EQ(vectors.sizes(), (std::vector<int64_t>{1000, 8 + 5 + 5 + 5}));
  EXPECT_TRUE(at::equal(vectors.sum(1), at::full({1000}, 4.0F)));
  // 123 = 3 + 8 (0 + 5 (3 + 5 0)): digits 3, 0, 3, 0.
  for (const int64_t place : {3, 8 + 0, 13 + 3, 18 + 0})
    EXPECT_EQ(vectors[123][place].item<float>(), 1) << place;
}

TEST(FrozenTokenizer, PacksNeighbouringTokensOfValues) {
  const auto tokenizer = tiny::make_tokenizer("masked_autoencoder", kShape);
  const FrozenTokenizer packed(tokenizer, 2), plain(tokenizer, 1);
  EXPECT_EQ(packed.space().tokens(), 2);
  EXPECT_EQ(packed.space().width, 8);
  const auto batch = clips(kShape, 2);
  const auto latents = packed.encode(batch.frames_BTHWC);
  EXPECT_TRUE(at::equal(latents.view({2, 3, 4, 4}), plain.encode(batch.frames_BTHWC)));
  EXPECT_TRUE(at::equal(packed.decode(latents), plain.decode(latents.view({2, 3, 4, 4}))));
  EXPECT_THROW(FrozenTokenizer(tokenizer, 3), c10::Error);
  EXPECT_THROW(FrozenTokenizer(tiny::make_tokenizer("fsq", kShape), 2), c10::Error);
}

TEST(RunningSum, ArrivesAsAGradientAndAddsNothingToTheLoss) {
  const auto statistic = at::full({2, 2}, 3.0F).requires_grad_();
  const auto loss = at::full({}, 2.5F).requires_grad_();
  const auto sums = at::tensor({1.0F, 2.0F, 3.0F, 4.0F}).view({2, 2});
  const auto carrying = loss + carry(statistic, sums);
  EXPECT_EQ(carrying.item<float>(), 2.5F);
  carrying.backward();
  EXPECT_TRUE(at::equal(statistic.grad(), sums));
  EXPECT_TRUE(is_running_sum("running_usage"));
  EXPECT_TRUE(is_running_sum("vq.running_codebook"));
  EXPECT_FALSE(is_running_sum("head"));
  EXPECT_FALSE(is_running_sum("not_running_usage"));
}

}  // namespace
}  // namespace nextframe
