#include "launch/standard_streams.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>

#include "launch/error.h"

namespace nextframe {
namespace {

bool has_reader_left(int descriptor) {
  pollfd out{descriptor, POLLOUT, 0};
  return ::poll(&out, 1, 0) > 0 && (out.revents & (POLLERR | POLLHUP)) != 0;
}

}  // namespace

void secure_standard_streams() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(descriptor, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest free number is the one that is closed: those before it are open by now.
    if (open("/dev/null", descriptor == STDIN_FILENO ? O_RDONLY : O_WRONLY) < 0) return;
  }
  for (const int signal : {SIGPIPE, SIGXFSZ}) std::signal(signal, SIG_IGN);
}

void finish_standard_output() {
  errno = 0;
  const bool has_failed = std::fflush(stdout) != 0 || std::ferror(stdout) != 0;
  const int error = errno;
  if (!has_failed || has_reader_left(STDOUT_FILENO)) return;
  const std::string reason = error == 0 ? "the disk may be full" : std::strerror(error);
  throw EnvironmentError("not all could be written to standard output: " + reason);
}

bool write_to_standard_error(std::string_view text, int limit_ms) {
  constexpr size_t kAtOnce = 4096;  // so much fits into a pipe that poll calls writable
  while (!text.empty()) {
    pollfd out{STDERR_FILENO, POLLOUT, 0};
    if (::poll(&out, 1, limit_ms) <= 0 || (out.revents & POLLOUT) == 0) return false;
    if ((out.revents & (POLLERR | POLLHUP)) != 0) return false;
    const auto written = ::write(STDERR_FILENO, text.data(), std::min(text.size(), kAtOnce));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

}  // namespace nextframe
