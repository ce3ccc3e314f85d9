// The tokenizer of latent actions, and models whose actions are its codes.
#include <gtest/gtest.h>
#include <torch/optim/adam.h>

#include "model/frame_model.h"
#include "model/running_sum.h"
#include "tests/model/tiny.h"

namespace nextframe {
namespace {

const ClipShape kShape{4, 16, 16, 3, 2};

std::shared_ptr<Tokenizer> make_actions(bool is_disturbed = true) {
  auto tokenizer = tiny::make_tokenizer("latent_actions", kShape);
  return is_disturbed ? tiny::disturbed(tokenizer) : tokenizer;
}

std::shared_ptr<WorldModel> model_on(const std::string& objective = "regress") {
  tiny::Options options;
  options.model = "space_time_transformer";
  tiny::SetFields fields(options.fields);
  return ModelRegistry::instance()
      .get(options.model, "model")
      .make(fields, {.shape = kShape,
                     .objective = tiny::make_objective(objective),
                     .actions = options.actions,
                     .seed = 3,
                     .latent_actions = std::make_shared<FrozenTokenizer>(make_actions(), 1)});
}

TEST(LatentActions, AreCodesOfWhatChangesFromEachFrameToItsNext) {
  const torch::NoGradGuard no_grad;
  const auto tokenizer = make_actions();
  const auto frames = tiny::clips(kShape, 16).frames_BTHWC;
  const auto codes = tokenizer->encode(frames);
  EXPECT_EQ(codes.sizes(), (at::IntArrayRef{16, 4, 1}));
  EXPECT_EQ(codes.scalar_type(), at::kLong);
  EXPECT_GE(codes.min().item<int64_t>(), 0);
  EXPECT_LT(codes.max().item<int64_t>(), 8);
  EXPECT_EQ(codes.select(1, 3).abs().max().item<int64_t>(), 0);  // nothing follows the last frame
  // Two frames decide, whatever is around them.
  EXPECT_TRUE(at::equal(tokenizer->encode(frames.slice(1, 1, 3)).select(1, 0), codes.select(1, 1)));
  EXPECT_GT(std::get<0>(at::_unique(codes)).numel(), 2);
}

TEST(LatentActions, DrawTheNextFrameFromThoseBeforeItAndItsCode) {
  const auto tokenizer = make_actions();
  const auto frames = tiny::clips(kShape, 8).frames_BTHWC;
  const auto drawn = tokenizer->reconstruct(frames);
  EXPECT_TRUE(at::allclose(drawn.select(1, 0), frames.select(1, 0) / 255.0, 0, 1e-6));
  // The last frame is seen through its code alone: 8 ways to draw it, here of one and the same
  // clip.
  auto other = frames.clone();
  other.select(1, 3).bitwise_xor_(0x55);
  const auto redrawn = tokenizer->reconstruct(other);
  EXPECT_TRUE(at::equal(drawn.slice(1, 0, 3), redrawn.slice(1, 0, 3)));
  const auto codes = tokenizer->encode(frames).select(1, 2),
             others = tokenizer->encode(other).select(1, 2);
  for (int64_t row = 0; row < 8; ++row) {
    EXPECT_EQ(at::equal(drawn[row][3], redrawn[row][3]), at::equal(codes[row], others[row])) << row;
  }
}

TEST(LatentActions, GiveEveryParameterAGradientAndLearn) {
  const auto tokenizer = make_actions();
  const auto batch = tiny::clips(kShape, 2);
  const auto first = tokenizer->loss(batch, as_tensor({7, 0}));
  EXPECT_EQ(first.weight.item<double>(), 2 * 3 * 16 * 16 * 3);
  first.sum.backward();
  for (const auto& item : tokenizer->named_parameters()) {
    ASSERT_TRUE(item.value().grad().defined()) << item.key();
    EXPECT_GT(item.value().grad().abs().max().item<float>(), 0) << item.key();
  }
  std::vector<at::Tensor> learned;
  for (const auto& item : tokenizer->named_parameters())
    if (!is_running_sum(item.key())) learned.push_back(item.value());
  torch::optim::Adam optimizer(learned, torch::optim::AdamOptions(4e-3));
  double last = 0;
  for (int step = 0; step < 100; ++step) {
    optimizer.zero_grad();
    const auto terms = tokenizer->loss(batch, as_tensor({7, 0}));
    last = terms.sum.item<double>();
    terms.sum.backward();
    optimizer.step();
  }
  EXPECT_LT(last, first.sum.item<double>() * 0.5);
}

TEST(LatentActions, AddUpOverClipsAndLeaveOutMaskedFrames) {
  const auto tokenizer = make_actions();
  const auto both = tiny::clips(kShape, 2);
  const auto loss_of = [&](const Batch& batch) {
    return tokenizer->loss(batch, as_tensor({7, 0})).sum.item<double>();
  };
  EXPECT_NEAR(loss_of(both), loss_of(tiny::rows(both, 0, 1)) + loss_of(tiny::rows(both, 1, 2)),
              1e-4 * loss_of(both));
  auto masked = both;
  masked.mask_BT = both.mask_BT.clone();
  masked.mask_BT.select(1, 3).fill_(false);
  auto changed = masked;
  changed.frames_BTHWC = both.frames_BTHWC.clone();
  changed.frames_BTHWC.select(1, 3).bitwise_xor_(0x55);
  EXPECT_EQ(loss_of(masked), loss_of(changed));
  EXPECT_LT(loss_of(masked), loss_of(both));
}

TEST(LatentActions, StandInThePlaceOfTheDatas) {
  for (const std::string objective : {"regress", "flow"}) {
    const auto model = model_on(objective);
    EXPECT_EQ(model->num_latent_actions(), 8);
    auto batch = tiny::clips(kShape, 2);
    const auto loss = model->loss(batch, as_tensor({7, 0})).sum.item<double>();
    batch.actions_BTA = at::zeros_like(batch.actions_BTA).slice(2, 0, 0);  // not even recorded
    EXPECT_EQ(model->loss(batch, as_tensor({7, 0})).sum.item<double>(), loss);
    const auto actions = model->infer_actions(batch.frames_BTHWC);
    EXPECT_EQ(actions.sizes(), (at::IntArrayRef{2, 4, 8}));
    EXPECT_TRUE(actions.sum(2).eq(1).all().item<bool>());
    const auto dreamed =
        model->rollout(batch.frames_BTHWC.slice(1, 0, 2), actions.slice(1, 0, 3), {});
    EXPECT_EQ(dreamed.size(1), 2);
    EXPECT_THROW(model->rollout(batch.frames_BTHWC.slice(1, 0, 2), actions.slice(2, 0, 2), {}),
                 c10::Error);
    EXPECT_GT(model->named_parameters()["action"].numel(), 8 * 10);  // one column for each code
  }
}

}  // namespace
}  // namespace nextframe
