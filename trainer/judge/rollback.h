// This file is where a run goes on after too many bad steps in a row, and without which clips.
#pragma once

#include "trainer/checkpoint/run_state.h"

namespace nextframe {

/// The position after a rollback from `bad`, a position whose newest steps were bad, to `restored`:
/// that of a checkpoint, or `bad` itself where there is none, since steps that were skipped left
/// the parameters as they were. Steps before the bad ones are done again with the clips they had,
/// and the bad ones without their suspects: the run comes out the same from any checkpoint.
Position position_after_rollback(Position restored, const Position& bad, int64_t global_batch);

}  // namespace nextframe
