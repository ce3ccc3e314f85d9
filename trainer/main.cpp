// The program: parse the command line, run one command, turn what it throws into an exit code.
#include <iostream>

#include "launch/launcher_environment.h"
#include "trainer/commands/command_line.h"
#include "trainer/failure.h"

namespace {

/// "nextframe: " alone, "nextframe: rank 3 on node07: " in a world of several.
std::string speaker() {
  if (nextframe::launcher_size() == 1) return "nextframe: ";
  return "nextframe: rank " + std::to_string(nextframe::launcher_rank()) + " on " +
         nextframe::host_name() + ": ";
}

int report(const nextframe::Failure& failure) {
  // Every rank finds the same mistake in the same config: one of them says so.
  const bool is_everybodys = failure.code == nextframe::ExitCode::usage;
  if (!is_everybodys) {
    std::cerr << speaker() << failure.message << std::endl;
  } else if (nextframe::launcher_rank() == 0) {
    std::cerr << (failure.is_placed ? "" : "nextframe: ") << failure.message << std::endl;
  }
  return static_cast<int>(failure.code);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return nextframe::run_command_line(argc, argv);
  } catch (...) {
    return report(nextframe::describe_failure(std::current_exception()));
  }
}
