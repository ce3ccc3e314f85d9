#include "trainer/version.h"

namespace nextframe {

std::string version() { return NF_VERSION; }
std::string commit() { return NF_COMMIT; }
std::string build_type() { return NF_BUILD_TYPE; }

}  // namespace nextframe
