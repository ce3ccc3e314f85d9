#include "launch/nccl/nccl_environment.h"

#include <cstdlib>

namespace nextframe {

void pin_nccl_sums() {
  constexpr const char* kPinned[][2] = {{"NCCL_ALGO", "Ring"},
                                        {"NCCL_PROTO", "Simple"},
                                        {"NCCL_NVLS_ENABLE", "0"},
                                        {"NCCL_MIN_CTAS", "16"},
                                        {"NCCL_MAX_CTAS", "16"}};
  for (const auto& [name, value] : kPinned) setenv(name, value, 0);
}

}  // namespace nextframe
