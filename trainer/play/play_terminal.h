// Plays a dream in a terminal: keys choose actions, frames are drawn in coloured half-block cells.
#pragma once

#include "trainer/play/dream_beside.h"

namespace nextframe {

struct TerminalPlay {
  double frames_per_s = 10;
  bool has_simulator = false;
};

/// Until the player leaves. Begins with what is on the dream's tape. UsageError if there is no
/// terminal.
void play_in_terminal(const PlayedModel& played, std::unique_ptr<DreamSession> dream,
                      const TerminalPlay& options);

}  // namespace nextframe
