#include "trainer/evaluate/evaluate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "data/error.h"
#include "evaluate_fakes.h"
#include "trainer/config/config.h"
#include "trainer/evaluate/metrics.h"
#include "trainer/evaluate/predictor.h"
#include "trainer/evaluate/training_evaluation.h"
#include "trainer/exit_code.h"

namespace nextframe {
namespace {

EvaluateConfig small_config() {
  EvaluateConfig config;
  config.context_frames = 5;
  config.horizon_frames = 6;
  return config;
}

EvaluationReport evaluated(RuleModel model, const EpisodeSource& world) {
  const auto train = turning_world({30});
  return evaluate(model, world, &train, small_config());
}

double value_of(const EvaluationReport& report, const std::string& suite, const std::string& name) {
  const auto* figure = find_figure(report, suite, name);
  if (figure == nullptr) throw std::runtime_error("the report has no " + name);
  return figure->value;
}

TEST(Evaluate, ACopyLastModelIsExactlyAsGoodAsTheBaseline) {
  const auto report = evaluated(copy_last_model(), turning_world({20, 8, 11, 5, 20}));
  const auto* over_copy_last = find_figure(report, "quality", "one_step.mse_over_copy_last");
  ASSERT_NE(over_copy_last, nullptr);
  EXPECT_EQ(over_copy_last->value, 1.0);
  EXPECT_EQ(over_copy_last->low, 1.0);
  EXPECT_EQ(over_copy_last->high, 1.0);
  EXPECT_EQ(over_copy_last->n, 5);
  for (const std::string horizon : {"1", "6"}) {
    const auto rollout = "rollout." + horizon + ".";
    const double own = value_of(report, "quality", rollout + "mse");
    const double mean_frame = value_of(report, "quality", rollout + "mean_frame.mse");
    EXPECT_EQ(own, value_of(report, "quality", rollout + "copy_last.mse"));
    EXPECT_DOUBLE_EQ(value_of(report, "quality", rollout + "skill"),
                     1 - own / std::min(own, mean_frame));
    EXPECT_LE(value_of(report, "quality", rollout + "skill"), 0.0);
  }
}

TEST(Evaluate, APerfectModelHasSkillOneAndTheCappedPsnr) {
  const auto report = evaluated(oracle_model(), turning_world({20, 13}));
  EXPECT_EQ(value_of(report, "quality", "one_step.mse"), 0.0);
  EXPECT_EQ(value_of(report, "quality", "one_step.psnr_db"), kPsnrCapDb);
  EXPECT_EQ(value_of(report, "quality", "one_step.psnr_capped_fraction"), 1.0);
  EXPECT_NEAR(value_of(report, "quality", "one_step.ssim"), 1.0, 1e-9);
  EXPECT_EQ(value_of(report, "quality", "rollout.6.skill"), 1.0);
  EXPECT_EQ(value_of(report, "quality", "rollout.6.teacher_forced.skill"), 1.0);
  EXPECT_GT(value_of(report, "quality", "one_step.copy_last.mse"), 0.01);
}

TEST(Evaluate, ShuffledActionsDoNotHurtABlindModel) {
  const auto report = evaluated(copy_last_model(), turning_world({20, 20, 20}));
  EXPECT_EQ(value_of(report, "control", "shuffle_ratio"), 1.0);
  EXPECT_EQ(value_of(report, "control", "delta_psnr_db"), 0.0);
  EXPECT_NE(ignored_actions_alarm(report).find("the model ignores actions"), std::string::npos);
}

TEST(Evaluate, ShuffledActionsHurtAModelThatListens) {
  const auto report = evaluated(dim_model(), turning_world({20, 9, 20}));
  EXPECT_GT(value_of(report, "control", "shuffle_ratio"), 2.0);
  EXPECT_GT(value_of(report, "control", "delta_psnr_db"), 3.0);
  EXPECT_EQ(ignored_actions_alarm(report), "");
}

TEST(Evaluate, DriftTellsADreamThatFadesFromOneThatStays) {
  const auto world = turning_world({40, 22, 40});
  auto config = small_config();  // a context of 5 frames; clips of 8: dreams of 32
  auto oracle = oracle_model(), dim = dim_model(), blind = copy_last_model();
  const auto stays = evaluate(oracle, world, nullptr, config, {"drift"});
  EXPECT_EQ(value_of(stays, "drift", "usable_horizon"), (32 + 17 + 32) / 3.0);
  EXPECT_EQ(value_of(stays, "drift", "dreamed_frames"), (32 + 17 + 32) / 3.0);
  EXPECT_NEAR(value_of(stays, "drift", "drift.32.contrast"), 1, 1e-6);
  EXPECT_EQ(find_figure(stays, "drift", "drift.20.skill")->n, 2);  // one episode has ended
  const auto fades = evaluate(dim, world, nullptr, config, {"drift"});
  EXPECT_NEAR(value_of(fades, "drift", "drift.4.contrast"), 0.9 * 0.9 * 0.9 * 0.9, 1e-4);
  EXPECT_LT(value_of(fades, "drift", "drift.8.brightness"), -0.2);
  EXPECT_LT(value_of(fades, "drift", "usable_horizon"), 16);
  EXPECT_GT(value_of(fades, "drift", "usable_horizon"), 2);
  // But for frames that are the same as the last one again.
  EXPECT_LT(value_of(evaluate(blind, world, nullptr, config, {"drift"}), "drift", "usable_horizon"),
            2);
}

TEST(Evaluate, TheTakenActionIsRecoveredFromAModelThatKnowsItsEffect) {
  const auto world = turning_world({40, 12, 40, 7, 4, 40});
  auto knows = oracle_model(), blind = copy_last_model();
  const auto config = small_config();  // a context of 5 frames
  const auto known = evaluate(knows, world, nullptr, config, {"recovery"});
  EXPECT_EQ(value_of(known, "recovery", "top_1"), 1.0);
  EXPECT_EQ(find_figure(known, "recovery", "top_1")->n, 5);  // one is too short
  const auto unknown = evaluate(blind, world, nullptr, config, {"recovery"});
  EXPECT_NEAR(value_of(unknown, "recovery", "top_1"), 1.0 / 3, 1e-12);  // three equal guesses
  EXPECT_NEAR(value_of(unknown, "recovery", "gain"), 0, 1e-12);
  RuleModel inverted([](const at::Tensor& frame, const at::Tensor& action) {
    return turned(frame, action.flip(0));
  });
  EXPECT_LT(value_of(evaluate(inverted, world, nullptr, config, {"recovery"}), "recovery", "top_1"),
            0.7);
}

/// Reads the action off the frames and calls it by another name; one action in `confused_every`
/// wrongly.
class TurnReader final : public RuleModel {
 public:
  explicit TurnReader(int64_t confused_every)
      : RuleModel([](const at::Tensor& frame, const at::Tensor& latent_A) {
          return turned(frame, latent_A.roll(1, 0).slice(0, 0, 3));
        }),
        confused_every_(confused_every) {}
  int64_t num_latent_actions() const override { return 4; }
  at::Tensor infer_actions(const at::Tensor& frames_BTHWC) override {
    const int64_t frames = frames_BTHWC.size(1);
    auto latent_BTV = at::zeros({1, frames, 4});
    for (int64_t t = 0; t < frames; ++t) {
      int64_t code = 3;
      for (int64_t action = 0; action < 3 && t + 1 < frames; ++action) {
        const auto next = turned(frames_BTHWC[0][t], at::one_hot(at::tensor(action), 3));
        if (at::equal(next, frames_BTHWC[0][t + 1])) code = (action + 3) % 4;
      }
      if (confused_every_ > 0 && t % confused_every_ == 0) code = 2;  // action 0's is 3
      latent_BTV[0][t][code] = 1;
    }
    return latent_BTV;
  }

 private:
  int64_t confused_every_;
};

TEST(Evaluate, LatentActionsAreReadOffTheFramesAndComparedWithRecordedOnes) {
  const auto world = turning_world({40, 30, 40, 30});
  TurnReader reader(0), confused(2);
  const EvaluateConfig config;
  const auto sharp = evaluate(reader, world, nullptr, config, {"latent_actions", "control"});
  EXPECT_EQ(value_of(sharp, "latent_actions", "accuracy"), 1.0);
  EXPECT_LT(value_of(sharp, "latent_actions", "majority"), 0.7);
  EXPECT_GT(value_of(sharp, "control", "shuffle_ratio"), 2.0);
  EXPECT_EQ(value_of(sharp, "latent_actions", "codes.3.action"), 0.0);
  EXPECT_EQ(value_of(sharp, "latent_actions", "codes.0.action"), 1.0);
  EXPECT_EQ(value_of(sharp, "latent_actions", "codes.2.share"), 0.0);
  const auto blurred = evaluate(confused, world, nullptr, config, {"latent_actions"});
  EXPECT_GT(value_of(blurred, "latent_actions", "gain"), 0.05);
  EXPECT_LT(value_of(blurred, "latent_actions", "accuracy"), 0.9);
  auto model = oracle_model();
  EXPECT_EQ(evaluate(model, world, nullptr, config, {"latent_actions"}).suites[0].notes.at(0),
            "left out: the model has no latent actions");
}

// The definition written out for one episode.
TEST(Evaluate, FiguresAreMeansOverFramesFromTheFourthOn) {
  const auto world = turning_world({17});
  const auto report = evaluated(dim_model(), world);
  const auto frames = to_unit_range(world.read(0, 0, 17).frames_THWC);
  double mse = 0, psnr = 0;
  for (int64_t t = 4; t < 17; ++t) {
    const double frame_mse = (frames[t] * 0.1).square().mean().item<double>();
    mse += frame_mse / 13, psnr += psnr_db(frame_mse) / 13;
  }
  EXPECT_NEAR(value_of(report, "quality", "one_step.mse"), mse, 1e-8);
  EXPECT_NEAR(value_of(report, "quality", "one_step.psnr_db"), psnr, 1e-4);
  EXPECT_NEAR(value_of(report, "quality", "one_step.psnr_pooled_db"), psnr_db(mse), 1e-4);
  const double faded = std::pow(1 - std::pow(0.9, 3), 2);  // third dreamed frame
  EXPECT_NEAR(value_of(report, "quality", "rollout.3.mse"),
              frames[7].square().mean().item<double>() * faded, 1e-6);
}

TEST(Evaluate, ShortEpisodesCountAsFarAsTheyGo) {
  const auto report = evaluated(dim_model(), turning_world({4, 7, 20, 1}));
  EXPECT_EQ(find_figure(report, "quality", "one_step.mse")->n, 2);   // 4 and 1 have no frame 4
  EXPECT_EQ(find_figure(report, "quality", "rollout.2.mse")->n, 2);  // 7 frames: horizons 1, 2
  EXPECT_EQ(find_figure(report, "quality", "rollout.3.mse")->n, 1);
  EXPECT_EQ(report.episodes, 4);
}

TEST(Evaluate, TwoRunsGiveTheSameBits) {
  const auto world = turning_world({20, 13, 20, 8});
  EXPECT_EQ(to_json(evaluated(dim_model(), world)), to_json(evaluated(dim_model(), world)));
}

TEST(Evaluate, EveryEpisodeIsPredictedUnderItsOwnNumber) {
  auto model = dim_model();
  evaluate(model, turning_world({20, 4, 13, 20}), nullptr, small_config(), {"quality"});
  EXPECT_EQ(model.sample_ids, (std::vector<int64_t>{0, 2, 3, 0, 2, 3}));  // one-step, rollouts
}

TEST(Evaluate, TheModelIsLeftInTheModeItWasIn) {
  auto model = dim_model();
  model.train();
  evaluate(model, turning_world({9}), nullptr, small_config());
  EXPECT_TRUE(model.is_training());
}

TEST(Evaluate, AMissingTrainingSetIsToldInTheReport) {
  auto model = dim_model();
  const auto report = evaluate(model, turning_world({9}), nullptr, small_config());
  EXPECT_EQ(report.mean_frame_source, "evaluated data");
  EXPECT_NE(to_markdown(report).find("mean of the evaluated data's first 4096"), std::string::npos);
  const auto trained = evaluated(dim_model(), turning_world({9}));
  EXPECT_EQ(trained.mean_frame_source, "training data");
  EXPECT_NE(to_markdown(trained).find("mean of the training data's first 4096"), std::string::npos);
}

TEST(Evaluate, AMisspelledSuiteIsAUsageErrorThatKnowsTheRightOne) {
  auto model = dim_model();
  try {
    evaluate(model, turning_world({9}), nullptr, small_config(), {"qualty"});
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("did you mean 'quality'"), std::string::npos);
  }
}

TEST(Evaluate, NoEpisodesIsADataError) {
  auto model = dim_model();
  EXPECT_THROW(evaluate(model, turning_world({}), nullptr, small_config()), DataError);
}

TEST(Evaluate, APredictionThatIsNotFiniteIsANumericsErrorThatNamesTheFrame) {
  RuleModel model(
      [](const at::Tensor& frame, const at::Tensor&) { return frame / 0.0 - frame / 0.0; });
  try {
    evaluate(model, turning_world({9}), nullptr, small_config(), {"quality"});
    FAIL();
  } catch (const NumericsError& error) {
    EXPECT_NE(std::string(error.what()).find("frame 4 of episode 0"), std::string::npos);
  }
}

/// Predicts with a network of windows, as real models do: what is left out of a window is missed.
std::shared_ptr<WorldModel> windowed_model(const ClipShape& shape) {
  const auto config = parse_config(R"(
data: {train: none.h5, clip_frames: 8}
model: {name: frame_mlp}
objective: {name: regress}
trainer: {steps: 1, global_batch: 1, grains: 1, precision: fp32}
)",
                                   "windowed.yaml");
  return config.make_model(shape);
}

TEST(Predictor, ALongEpisodeIsPredictedInPiecesAsItIsWhole) {
  const int64_t num_frames = 2 * 2048 + 37;
  const auto world = turning_world({num_frames});
  const auto model = windowed_model(world.shape);
  const auto whole = world.read(0, 0, num_frames);
  const auto expected =
      model->one_step(whole.frames_THWC.unsqueeze(0), whole.actions_TA.unsqueeze(0), {})[0];
  auto watched = world;
  int64_t most_frames = 0, next = kFirstScoredFrame;
  watched.read = [&](int64_t number, int64_t first, int64_t count) {
    most_frames = std::max(most_frames, count);
    return world.read(number, first, count);
  };
  int64_t signs_of_life = 0;
  Predictor predictor(*model, {}, [&](const std::string&, int64_t, int64_t) { ++signs_of_life; });
  const auto own = [](size_t, int64_t, const Episode& truth) { return truth.actions_TA; };
  predictor.teacher_forced(watched, own, [&](const PredictedFrame& frame) {
    ASSERT_EQ(frame.frame, next++);
    ASSERT_TRUE(frame.predicted_HWC.equal(to_unit_range(expected[frame.frame - 1])));
    ASSERT_TRUE(frame.true_HWC().equal(whole.frames_THWC[frame.frame]));
    ASSERT_GE(frame.frame - 2, frame.truth_begin);  // the linear baseline looks so far back
  });
  EXPECT_EQ(next, num_frames);
  EXPECT_LE(most_frames, 513);
  EXPECT_GT(signs_of_life, num_frames / 64);
}

TEST(Predictor, PiecesPredictEveryFrameOnceWhateverTheClip) {
  for (const int64_t clip : {2, 3, 8, 300, 5000}) {
    for (const int64_t frames : {1, 2, 7, 2048, 2049, 20000}) {
      int64_t predicted = 1;
      for (const auto& piece : pieces_of(frames, clip, 2048)) {
        EXPECT_EQ(piece.first_target, predicted);
        EXPECT_GT(piece.first_target, piece.begin);
        EXPECT_LE(piece.end - piece.begin, std::max<int64_t>(2048, 2 * clip));
        predicted = piece.end;
      }
      EXPECT_EQ(predicted, frames) << clip;
    }
  }
}

TEST(Baselines, LinearGoesOnAtTheSpeedOfEveryPixel) {
  auto frames = at::zeros({2, 1, 3, 1}, at::kByte);
  frames[0].flatten().copy_(at::tensor({100, 100, 100}));
  frames[1].flatten().copy_(at::tensor({110, 90, 250}));
  const auto mean = at::full({1, 3, 1}, 0.5);
  const auto predicted = baseline_frames(frames, 2, 3, mean);
  const auto expected = at::tensor({140.0f / 255, 60.0f / 255, 1.0f});
  EXPECT_TRUE(predicted.at("linear").flatten().allclose(expected));
  EXPECT_TRUE(predicted.at("copy_last").equal(to_unit_range(frames[1])));
  EXPECT_TRUE(predicted.at("mean_frame").equal(mean));
  EXPECT_TRUE(baseline_frames(frames, 1, 3, mean).at("linear").equal(to_unit_range(frames[0])));
}

TEST(Baselines, MeanFrameStopsAfterItsNumberOfFrames) {
  EpisodeSource source;
  source.shape = {8, 1, 1, 1, 0};
  source.episodes = {{0, 3000}, {1, 0}, {2, 3000}, {3, 3000}};
  source.read = [](int64_t episode, int64_t, int64_t count) {
    return Episode{at::full({count, 1, 1, 1}, episode == 0 ? 51 : 255, at::kByte), {}};
  };
  const auto mean = mean_frame(source);
  const double expected = (3000 * 0.2 + 1096 * 1.0) / 4096;
  EXPECT_NEAR(mean.item<double>(), expected, 1e-6);
}

}  // namespace
}  // namespace nextframe
