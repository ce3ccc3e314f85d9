// Chooses the CPU kernels (loops) for this machine's instruction set.
#pragma once

#include <vector>

#include "kernels/cpu/loops.h"

namespace nextframe::cpu {

/// Those that this machine can run, slowest first.
std::vector<const Loops*> all_loops();

/// The last of them.
const Loops& loops();

}  // namespace nextframe::cpu
