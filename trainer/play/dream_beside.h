// What can be shown beside a dream: the frames that were recorded, or the simulator under the same
// actions.
#pragma once

#include <string>

#include "trainer/play/dream_session.h"

namespace nextframe {

enum class Beside { nothing, truth, simulator };

/// "nothing", "truth", "simulator"; UsageError for another name.
Beside beside_from(const std::string& name);
std::string to_string(Beside beside);

/// Why the episodes of `played` cannot be simulated under a player's actions, or "".
std::string simulator_problem(const PlayedModel& played);

/// The frame beside the newest one of `dream`, uint8 [H, W, C]; undefined where there is none: the
/// recorded episode is over, or the dream goes on beyond what is simulated at once.
///   truth      as it was recorded, under the recorded actions
///   simulator  the episode's world from its first frame on: under the recorded actions up to the
///              context's end, then under the player's. It is simulated from the beginning for
///              every frame. Asked for only where there is no simulator_problem()
at::Tensor frame_beside(const PlayedModel& played, const DreamSession& dream, Beside beside);

/// Of two frames of bytes, in dB; at most kPsnrCapDb.
double frame_psnr_db(const at::Tensor& frame_HWC, const at::Tensor& other_HWC);

}  // namespace nextframe
