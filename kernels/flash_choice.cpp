#include "kernels/flash_choice.h"

#include <c10/util/Exception.h>

#include <atomic>

namespace nextframe {
namespace {

std::atomic<FlashChoice> chosen{FlashChoice::mma};

}  // namespace

void choose_flash_kernels(const std::string& name) {
  if (name == "mma") {
    chosen = FlashChoice::mma;
  } else if (name == "hopper") {
    chosen = FlashChoice::hopper;
  } else {
    TORCH_CHECK(name == "cudnn", "flash attention's kernels are mma, hopper or cudnn, not ", name);
    chosen = FlashChoice::cudnn;
  }
}

FlashChoice flash_choice() { return chosen; }

}  // namespace nextframe
