// The version of the HDF5 library that this process runs with.
#pragma once

#include <string>

namespace nextframe {

/// "1.10.8"
std::string hdf5_version();

}  // namespace nextframe
