#include "launch/standard_streams.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <string>

namespace nextframe {
namespace {

/// The exit code of a child that does `work`, -1 if a signal ended it.
int exit_code_of(const std::function<int()>& work) {
  const pid_t child = fork();
  if (child == 0) _exit(work());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(StandardStreams, AClosedOneIsNotTakenByAFile) {
  EXPECT_EQ(exit_code_of([] {
              close(STDIN_FILENO), close(STDERR_FILENO);
              secure_standard_streams();
              return open("/dev/null", O_RDONLY) > STDERR_FILENO ? 0 : 1;
            }),
            0);
}

TEST(StandardStreams, AReaderThatHasLeftEndsNobody) {
  EXPECT_EQ(exit_code_of([] {
              std::array<int, 2> ends{};
              if (pipe(ends.data()) != 0) return 9;
              dup2(ends[1], STDERR_FILENO), close(ends[0]);
              secure_standard_streams();
              return write_to_standard_error("x") ? 1 : 0;
            }),
            0);
}

TEST(StandardStreams, AReaderThatDoesNotReadIsNotWaitedForLong) {
  EXPECT_EQ(exit_code_of([] {
              std::array<int, 2> ends{};
              if (pipe(ends.data()) != 0) return 9;
              dup2(ends[1], STDERR_FILENO);
              const std::string more_than_fits(1 << 20, 'x');
              return write_to_standard_error(more_than_fits, 10) ? 1 : 0;
            }),
            0);
}

}  // namespace
}  // namespace nextframe
