// The version of this build, for --version, the first console line and every checkpoint.
#pragma once

#include <string>

namespace nextframe {

std::string version();     // 0.1.0
std::string commit();      // of the source tree that was built, "-dirty" if it had changes
std::string build_type();  // CMake's

/// One line of all of it, with LibTorch's version.
std::string version_text();

}  // namespace nextframe
