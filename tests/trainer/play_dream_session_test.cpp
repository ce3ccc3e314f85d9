#include "tests/trainer/play_fakes.h"
#include "trainer/exit_code.h"
#include "trainer/play/dream_beside.h"
#include "trainer/play/dream_session.h"

namespace nextframe {
namespace {

at::Tensor raw_bytes_of(const at::Tensor& unit) { return unit.mul(255).round().to(at::kByte); }

std::vector<at::Tensor> frames_by_tape(DreamSession& dream) {
  std::vector<at::Tensor> frames;
  while (dream.step_by_tape()) frames.push_back(dream.frame());
  return frames;
}

TEST(DreamSession, DreamsTheFramesOfARollout) {
  const auto model = sampling_model();
  const auto what = played(*model);
  DreamSession dream(what,
                     DreamStart{.episode = 1, .first_frame = 2, .context_frames = 3, .seed = 7});
  EXPECT_TRUE(at::equal(dream.frame(), what.truth.read(1, 4, 1).frames_THWC[0]));
  std::vector<at::Tensor> told = {what.told.read(1, 2, 3).actions_TA.slice(0, 0, 2)}, frames;
  for (int64_t t = 0; t < 12; ++t) {  // beyond the model's window
    dream.step(nth_choice(t));
    frames.push_back(dream.frame());
    told.push_back(what.actions.encode(nth_choice(t)).unsqueeze(0));
  }
  RolloutOptions options;
  options.seed = 7;
  options.sample_ids_B = at::tensor({int64_t{1}});
  options.first_frame = 2;
  const auto whole = model->rollout(what.truth.read(1, 2, 3).frames_THWC.unsqueeze(0),
                                    at::cat(told).unsqueeze(0), options);
  const auto difference = at::stack(frames).to(at::kInt) - raw_bytes_of(whole[0]).to(at::kInt);
  EXPECT_LE(difference.abs().max().item<int>(), 1);
  EXPECT_FALSE(at::equal(frames[10], frames[11]));
  EXPECT_EQ(dream.frame_number(), 4 + 12);
}

TEST(DreamSession, IsDreamedAgainFromItsLogWhateverThePlayerDid) {
  const auto model = sampling_model();
  const auto what = played(*model);
  DreamSession dream(what, DreamStart{.context_frames = 4, .seed = 3});
  for (int64_t t = 0; t < 20; ++t) dream.step(nth_choice(t));
  dream.rewind(9);
  dream.set_sampling({.denoise_steps = 2, .guidance = 1});
  for (int64_t t = 0; t < 6; ++t) dream.step(nth_choice(t + 1));
  const auto text = to_text(dream.log());
  DreamSession again(what, dream_log_from(text));
  EXPECT_EQ(again.left_on_tape(), 17);
  const auto frames = frames_by_tape(again);
  ASSERT_EQ(frames.size(), 17U);
  for (size_t i = 0; i < frames.size(); ++i) {
    EXPECT_TRUE(at::equal(frames[i], dream.frames()[4 + i])) << i;
  }
  EXPECT_EQ(to_text(again.log()), text);
}

TEST(DreamSession, ComesBackToTheFrameBeforeHoweverFarItIsRewound) {
  const auto model = sampling_model();
  const auto what = played(*model);
  DreamSession dream(what, DreamStart{.context_frames = 2});
  for (int64_t t = 0; t < 60; ++t) dream.step(nth_choice(t));
  const std::vector<at::Tensor> frames(dream.frames().begin(), dream.frames().end());
  for (const int64_t length : {1, 7, 8, 9, 30, 59, 60}) {
    dream.rewind(length);
    EXPECT_EQ(dream.num_dreamed(), 60 - length);
    EXPECT_TRUE(at::equal(dream.frame(), frames[static_cast<size_t>(61 - length)])) << length;
    for (int64_t t = 60 - length; t < 60; ++t) dream.step(nth_choice(t));
    EXPECT_TRUE(at::equal(dream.frame(), frames[61])) << length;
  }
  dream.reset();
  EXPECT_EQ(dream.num_dreamed(), 0);
  EXPECT_TRUE(at::equal(dream.frame(), frames[1]));
}

TEST(DreamSession, ComputesAFrameOnceAndAfterARewindAFewMore) {
  SteppedRule model;
  const auto what = played(model);
  DreamSession dream(what, DreamStart{.context_frames = 4});
  for (int64_t t = 0; t < 1000; ++t) dream.step(nth_choice(t));
  EXPECT_EQ(model.frames_computed, 1000);
  for (const int64_t length : {1, 10, 100, 500}) {
    dream.rewind(length);
    model.frames_computed = 0;
    dream.step({0});
    EXPECT_LE(model.frames_computed, length + 16) << length;
    for (int64_t t = dream.num_dreamed(); t < 1000; ++t) dream.step(nth_choice(t));
  }
}

TEST(DreamSession, FollowsRecordedActionsToTheEndOfTheEpisode) {
  SteppedRule model;
  const auto what = played(model);
  DreamSession dream(what, DreamStart{.context_frames = 4});
  dream.put_recorded_actions_on_tape();
  EXPECT_EQ(dream.left_on_tape(), 26);
  while (dream.step_by_tape()) {
    const auto truth_HWC = frame_beside(what, dream, Beside::truth);
    ASSERT_TRUE(truth_HWC.defined());
    EXPECT_TRUE(at::equal(dream.frame(), truth_HWC)) << dream.frame_number();
    EXPECT_EQ(frame_psnr_db(dream.frame(), truth_HWC), 100);
  }
  EXPECT_EQ(dream.frame_number(), 29);
  dream.step({1});
  EXPECT_FALSE(frame_beside(what, dream, Beside::truth).defined());
  EXPECT_THROW(dream.put_recorded_actions_on_tape(), UsageError);
}

TEST(DreamSession, TakesTheTapeAwayWhenThePlayerActs) {
  SteppedRule model;
  const auto what = played(model);
  DreamSession dream(what, DreamStart{.context_frames = 4});
  dream.put_recorded_actions_on_tape();
  dream.step_by_tape();
  dream.step({2});
  EXPECT_EQ(dream.left_on_tape(), 0);
  EXPECT_FALSE(dream.step_by_tape());
}

TEST(DreamSession, ShowsASimulatorUnderThePlayersActions) {
  SteppedRule model;
  auto what = played(model, {30});
  const EpisodeKey key{.seed = 5, .split = 1, .index = 0};
  const auto& world = WorldRegistry::instance().get("ball_and_paddle", "world");
  const auto episode = world.episode(key, 30);
  what.truth.origin = [key](int64_t) {
    return WorldOrigin{"ball_and_paddle", WorldRange::inside, key};
  };
  what.truth.read = what.told.read = [episode](int64_t, int64_t first, int64_t count) {
    return Episode{episode.frames_THWC.narrow(0, first, count),
                   at::one_hot(episode.actions, 3).to(at::kFloat).narrow(0, first, count)};
  };
  what.truth.read_actions = [read = what.truth.read](int64_t number, int64_t first, int64_t count) {
    return read(number, first, count).actions_TA;
  };
  EXPECT_EQ(simulator_problem(what), "");
  DreamSession dream(what, DreamStart{.first_frame = 3, .context_frames = 4});
  EXPECT_TRUE(at::equal(frame_beside(what, dream, Beside::simulator), episode.frames_THWC[6]));
  auto actions = episode.actions.slice(0, 0, 6).clone();
  for (int64_t t = 0; t < 5; ++t) dream.step({2});
  const auto own = world.replay(
      {.key = key, .num_frames = 12, .actions = at::cat({actions, at::full({6}, 2, at::kLong)})});
  EXPECT_TRUE(at::equal(frame_beside(what, dream, Beside::simulator), own.frames_THWC[11]));
  EXPECT_FALSE(at::equal(own.frames_THWC[11], episode.frames_THWC[11]));
}

TEST(DreamSession, RefusesWhatIsNotThere) {
  SteppedRule model;
  const auto what = played(model);
  EXPECT_THROW(DreamSession(what, DreamStart{.episode = 2}), UsageError);
  EXPECT_THROW(DreamSession(what, DreamStart{.episode = 1, .first_frame = 5}), UsageError);
  EXPECT_THROW(DreamSession(what, DreamStart{.first_frame = -1}), UsageError);
  EXPECT_THROW(DreamSession(what, DreamStart{.context_frames = INT64_MAX}), UsageError);
  EXPECT_THROW(first_playable_episode(what.told, 31), UsageError);
  DreamSession dream(what, DreamStart{});
  EXPECT_THROW(dream.step({3}), UsageError);
  EXPECT_THROW(dream.step({}), UsageError);
  EXPECT_THROW(dream.set_sampling({.denoise_steps = 0}), UsageError);
  EXPECT_THROW(dream.set_sampling({.guidance = 2}), UsageError);  // trained without dropout
  EXPECT_EQ(dream.num_dreamed(), 0);
  DreamLog log = dream.log();
  log.model = "ffffffffffff";
  EXPECT_THROW(DreamSession(what, log), UsageError);
  log.model = "";
  log.frames = {{{3}, {}}};
  EXPECT_THROW(DreamSession(what, log), UsageError);
}

}  // namespace
}  // namespace nextframe
