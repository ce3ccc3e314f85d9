#include "kernels/flash_choice.h"

#include <c10/util/Exception.h>

#include <atomic>

namespace nextframe {
namespace {

std::atomic<FlashChoice> chosen{FlashChoice::mma};

}  // namespace

void choose_flash_kernels(const std::string& name) {
  TORCH_CHECK(name == "mma" || name == "hopper",
              "flash attention's kernels are mma or hopper, not ", name);
  chosen = name == "hopper" ? FlashChoice::hopper : FlashChoice::mma;
}

FlashChoice flash_choice() { return chosen; }

}  // namespace nextframe
