#include "trainer/records/run_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "data/error.h"
#include "launch/environment.h"
#include "launch/error.h"
#include "launch/text.h"

namespace nextframe {
namespace fs = std::filesystem;
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kDying = std::chrono::milliseconds(500);
constexpr auto kLook = std::chrono::milliseconds(20);

fs::path lock_file(const fs::path& run, RunLock::Kind kind) {
  return run / (kind == RunLock::Kind::training ? ".lock" : ".launch.lock");
}

std::string read_holder(int descriptor) {
  std::array<char, 512> text{};
  const auto bytes = ::pread(descriptor, text.data(), text.size() - 1, 0);
  std::string holder(text.data(), bytes > 0 ? static_cast<size_t>(bytes) : 0);
  return holder.substr(0, holder.find('\n'));
}

[[noreturn]] void refuse(const fs::path& run, RunLock::Kind kind, const std::string& holder) {
  const bool trains = kind == RunLock::Kind::training;
  throw EnvironmentError(
      run.string() + ": another process " + (trains ? "is using this run" : "supervises this run") +
      (holder.empty() ? "" : " (" + holder + ")") + "; wait for it, or end it first: touch " +
      (run / "STOP").string() + " asks it to save and end");
}

/// flock until it works or fails for good; EWOULDBLOCK when the limit is over.
int try_lock(int descriptor, int operation, Clock::duration limit) {
  const auto end = Clock::now() + limit;
  while (::flock(descriptor, operation | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK || Clock::now() >= end) return errno;
    std::this_thread::sleep_for(kLook);
  }
  return 0;
}

}  // namespace

RunLock::~RunLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::string RunLock::take(const fs::path& run) {
  const auto path = lock_file(run, kind_);
  descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0644);
  if (descriptor_ < 0)
    throw FileError("cannot open " + path.string() + ": " + std::strerror(errno));
  const int error = try_lock(descriptor_, LOCK_EX, kDying);
  if (error == EWOULDBLOCK) refuse(run, kind_, read_holder(descriptor_));
  name_ = "process " + std::to_string(getpid()) + " on " + host_name() + ", since " +
          now_utc("%Y-%m-%dT%H:%M:%S");
  if (error != 0) {
    return path.string() + " cannot be locked (" + std::strerror(error) +
           "), so nothing keeps a second process out of this run";
  }
  const auto line = name_ + "\n";
  // Only for the words of whoever comes second; a full disk may keep it.
  [[maybe_unused]] const bool is_written =
      ::ftruncate(descriptor_, 0) == 0 &&
      ::pwrite(descriptor_, line.data(), line.size(), 0) == static_cast<ssize_t>(line.size());
  return "";
}

void refuse_if_held(const fs::path& run, const std::string& supervisor) {
  for (const auto kind : {RunLock::Kind::supervision, RunLock::Kind::training}) {
    const int descriptor = ::open(lock_file(run, kind).c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) continue;  // nobody has had it, or it cannot be written here at all
    const bool is_held = try_lock(descriptor, LOCK_SH, kDying) == EWOULDBLOCK;
    const auto holder = read_holder(descriptor);
    ::close(descriptor);
    const bool is_ours = !supervisor.empty() && (holder.empty() || holder == supervisor);
    if (is_held && !(kind == RunLock::Kind::supervision && is_ours)) refuse(run, kind, holder);
  }
}

}  // namespace nextframe
