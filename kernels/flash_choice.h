// This file is which kernels answer long attention on a GPU, where more than one family could.
#pragma once

#include <string>

namespace nextframe {

/// mma: those for every GPU since sm_80. hopper: on compute capability 9.0 those of sm_90a. cudnn:
/// NVIDIA's library, for plain causal and full attention. For calls that the last two cannot
/// answer, which is said once, those of mma.
enum class FlashChoice { mma, hopper, cudnn };

/// By such a name, for all calls of this process from now on. Without it mma: sm_90a's have run in
/// the emulator alone, cuDNN on no GPU of ours yet.
void choose_flash_kernels(const std::string& name);

FlashChoice flash_choice();

}  // namespace nextframe
