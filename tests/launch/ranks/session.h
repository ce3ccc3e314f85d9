// The MPI session that main made for all tests of the program.
#pragma once

#include "launch/mpi/mpi_session.h"

namespace nextframe {

const MpiSession& session();

}  // namespace nextframe
