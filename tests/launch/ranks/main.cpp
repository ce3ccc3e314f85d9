// Tests that every rank of a job runs together, in the same order; started by mpirun from ctest.
#include <gtest/gtest.h>

#include "tests/launch/ranks/session.h"

namespace nextframe {
namespace {
const MpiSession* running_session = nullptr;
}  // namespace

const MpiSession& session() { return *running_session; }

}  // namespace nextframe

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  int exit_code = 1;
  {
    const nextframe::MpiSession session;
    nextframe::running_session = &session;
    if (session.is_active()) exit_code = RUN_ALL_TESTS();
  }
  return nextframe::end_job(exit_code);
}
