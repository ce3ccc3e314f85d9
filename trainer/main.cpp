// The program: parse the command line, run one command, turn what it throws into an exit code.
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <string_view>

#include "launch/environment.h"
#include "launch/host_memory.h"
#include "launch/mpi/mpi_session.h"
#include "launch/standard_streams.h"
#include "trainer/commands/command_line.h"
#include "trainer/exit_code.h"

namespace {

/// Where a shell stands in a folder that was removed, MKL ends the process while libraries are
/// loaded, with words of its own. So this is run before they are.
void require_working_folder(int, char**, char**) {
  std::array<char, PATH_MAX> path{};
  if (::getcwd(path.data(), path.size()) != nullptr || errno != ENOENT) return;
  constexpr std::string_view kText =
      "nextframe: the folder in which this was started is not there any more; cd into another\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kText.data(), kText.size());
  ::_exit(static_cast<int>(nextframe::ExitCode::environment));
}

[[gnu::section(".preinit_array"),
  gnu::used]] void (*const before_libraries)(int, char**, char**) = require_working_folder;

int report(const nextframe::Failure& failure) {
  const auto launcher = nextframe::read_launcher_environment();
  // Every rank of a host finds the same mistake in the same config: one of them says so. Another
  // host may see another file.
  const bool is_everybodys = failure.code == nextframe::ExitCode::usage;
  if (is_everybodys && launcher.local_rank != 0) return static_cast<int>(failure.code);
  std::string speaker = failure.is_placed ? "" : "nextframe: ";
  const bool is_alone = launcher.size == 1 || (is_everybodys && launcher.rank == 0);
  if (!is_alone) speaker += nextframe::process_name() + ": ";
  nextframe::write_to_standard_error(speaker + failure.message + "\n");
  return static_cast<int>(failure.code);
}

}  // namespace

int main(int argc, char** argv) {
  nextframe::secure_standard_streams();
  nextframe::use_pooled_host_memory();
  try {
    const int code = nextframe::run_command_line(argc, argv);
    if (code == 0) nextframe::finish_standard_output();
    return nextframe::end_job(code);
  } catch (...) {
    return nextframe::end_job(report(nextframe::describe_failure(std::current_exception())));
  }
}
