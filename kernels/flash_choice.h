// This file is which kernels answer long attention on a GPU, where more than one family could.
#pragma once

#include <string>

namespace nextframe {

/// mma: those for every GPU since sm_80. hopper: on compute capability 9.0 those of sm_90a, for
/// calls that they can answer, which is said once where they cannot.
enum class FlashChoice { mma, hopper };

/// "mma" or "hopper", for all calls of this process from now on. Without it mma: sm_90a's have run
/// in the emulator alone, and on no GPU yet.
void choose_flash_kernels(const std::string& name);

FlashChoice flash_choice();

}  // namespace nextframe
