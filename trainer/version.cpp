#include "trainer/version.h"

#include <c10/util/StringUtil.h>
#include <torch/version.h>

namespace nextframe {

std::string version() { return NF_VERSION; }
std::string commit() { return NF_COMMIT; }
std::string build_type() { return NF_BUILD_TYPE; }

std::string version_text() {
  return c10::str("nextframe ", version(), " (commit ", commit(), ", ", build_type(), ", LibTorch ",
                  TORCH_VERSION, ")");
}

}  // namespace nextframe
