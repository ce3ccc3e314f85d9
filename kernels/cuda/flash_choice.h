// This file is which kernels of flash attention answer, where more than one could.
#pragma once

namespace nextframe {

/// mma: those for every GPU since sm_80. hopper: on compute capability 9.0 those of sm_90a, for
/// calls that they can answer, which is said once where they cannot.
enum class FlashChoice { mma, hopper };

/// For all calls of this process from now on. Without it mma: sm_90a's have run in the emulator
/// alone, and on no GPU yet.
void choose_flash_kernels(FlashChoice choice);

}  // namespace nextframe
