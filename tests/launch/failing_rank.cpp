// A job that goes wrong on its last rank, to see how and when mpirun ends.
//   failing_rank throw   the last rank throws, the others wait for it in a collective
//   failing_rank all     every rank throws
//   failing_rank code    every rank finishes and returns 75
#include <ATen/Functions.h>

#include <iostream>
#include <string>

#include "launch/communicator.h"
#include "launch/error.h"
#include "launch/mpi/mpi_session.h"
#include "launch/world.h"

namespace {

constexpr int kEnvironment = 5, kPreempted = 75;

int work(const std::string& what) {
  const nextframe::MpiSession session;
  const nextframe::World world(session, {"cpu", 1});
  const auto all = world.make_device_communicator();
  const auto tensor = at::ones({1001});
  all->all_reduce(tensor).wait();
  const auto pending = all->all_reduce(tensor);  // the last rank leaves while this may be under way
  if (what == "all" || (what == "throw" && world.rank() == world.size() - 1)) {
    throw nextframe::EnvironmentError("this rank has had enough");
  }
  pending.wait();
  if (what == "throw") all->barrier().wait();  // nobody else will come
  return kPreempted;
}

}  // namespace

int main(int argc, char** argv) {
  int exit_code = 1;
  try {
    exit_code = work(argc > 1 ? argv[1] : "");
  } catch (const nextframe::EnvironmentError& error) {
    std::cerr << nextframe::process_name() << ": " << error.what() << std::endl;
    exit_code = kEnvironment;
  }
  return nextframe::end_job(exit_code);
}
