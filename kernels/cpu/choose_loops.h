// Chooses the CPU kernels (loops) for this machine's instruction set.
#pragma once

#include <vector>

#include "kernels/cpu/loops.h"

namespace nextframe::cpu {

/// The tables of kernels that this machine can run, slowest first.
std::vector<const Loops*> all_loops();

/// The fastest one.
const Loops& loops();

}  // namespace nextframe::cpu
