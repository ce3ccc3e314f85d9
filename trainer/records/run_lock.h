// Who holds a run: one process trains it, one supervises it, and a second one is told who that is.
#pragma once

#include <filesystem>
#include <string>

namespace nextframe {

/// A lock on a file in the run's folder. The system lets go of it when the process ends, however it
/// ends. It is flock(2), which NFS shares between hosts unless it was mounted with local_lock or
/// nolock; a file system without locks (Lustre without -o flock) keeps nobody out, and take() says
/// so.
class RunLock {
 public:
  enum class Kind { training, supervision };  // .lock and .launch.lock

  explicit RunLock(Kind kind = Kind::training) : kind_(kind) {}
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

  /// EnvironmentError, which names the holder, when another process has it. Returns a warning, ""
  /// if there is none. A process that was just killed has half a second to be gone.
  std::string take(const std::filesystem::path& run);

  /// "process 71 on node03, since 2026-03-01T10:00:00.000Z": this holder, as others read it.
  const std::string& name() const { return name_; }

 private:
  const Kind kind_;
  int descriptor_ = -1;
  std::string name_;
};

/// For whoever is about to start: EnvironmentError, which names the holder, when another process
/// trains `run`, or supervises it without being `supervisor`, the name() of our own, "" without
/// one. Changes nothing.
void refuse_if_held(const std::filesystem::path& run, const std::string& supervisor);

}  // namespace nextframe
