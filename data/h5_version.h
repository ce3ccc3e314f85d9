// This file is which HDF5 library this process runs with.
#pragma once

#include <string>

namespace nextframe {

/// "1.10.8"
std::string hdf5_version();

}  // namespace nextframe
