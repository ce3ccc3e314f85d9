#include "trainer/play/dream_beside.h"

#include <ATen/ATen.h>

#include "trainer/evaluate/metrics.h"
#include "trainer/exit_code.h"

namespace nextframe {
namespace {

constexpr int64_t kMostSimulatedFrames = 2000;

at::Tensor recorded_frame(const PlayedModel& played, const DreamSession& dream) {
  const auto number = dream.start().episode, frame = dream.frame_number();
  for (const auto& episode : played.truth.episodes) {
    if (episode.number == number && frame < episode.num_frames) {
      return played.truth.read(number, frame, 1).frames_THWC[0];
    }
  }
  return {};
}

at::Tensor simulated_frame(const PlayedModel& played, const DreamSession& dream) {
  const int64_t count = dream.frame_number() + 1;
  if (count > kMostSimulatedFrames) return {};
  EpisodeRequest asked;
  asked.num_frames = count;
  asked.actions = at::constant_pad_nd(dream.choices(), {0, 1});  // none is taken at the last frame
  return replayed(played.truth, dream.start().episode, asked).frames_THWC[count - 1];
}

}  // namespace

Beside beside_from(const std::string& name) {
  for (const auto beside : {Beside::nothing, Beside::truth, Beside::simulator}) {
    if (to_string(beside) == name) return beside;
  }
  throw UsageError("play: beside a dream there is nothing, truth or simulator, not '" +
                   name.substr(0, 40) + "'");
}

std::string to_string(Beside beside) {
  switch (beside) {
    case Beside::truth:
      return "truth";
    case Beside::simulator:
      return "simulator";
    default:
      return "nothing";
  }
}

std::string simulator_problem(const PlayedModel& played) {
  if (!played.actions.are_choices()) return "a simulated world takes choices as actions";
  if (played.model.num_latent_actions() > 0) return "latent actions are not those of the world";
  return replay_problem(played.truth);
}

at::Tensor frame_beside(const PlayedModel& played, const DreamSession& dream, Beside beside) {
  if (beside == Beside::truth) return recorded_frame(played, dream);
  if (beside == Beside::simulator) return simulated_frame(played, dream);
  return {};
}

double frame_psnr_db(const at::Tensor& frame_HWC, const at::Tensor& other_HWC) {
  return psnr_db(mean_squared_error(to_unit_range(frame_HWC), to_unit_range(other_HWC)));
}

}  // namespace nextframe
