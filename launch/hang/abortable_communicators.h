// The asynchronous (NCCL) communicators of this process, which the watchdog polls for errors and
// aborts.
#pragma once

#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace nextframe {

/// An error of one communicator.
struct CommunicatorFault {
  std::string communicator;      // "gradients"; "": there is none
  std::string text;              // the collective and the library's own words
  bool is_peer_failure = false;  // as far as the library knows: another rank has gone
  bool was_thrown = false;       // thrown by the call that has met it, too
};

/// Any thread may call.
class AbortableCommunicator {
 public:
  virtual ~AbortableCommunicator() = default;
  /// The first error so far; those that abort() brings about do not count. May hang with the
  /// device.
  virtual CommunicatorFault fault() = 0;
  /// Starts to give up what is under way, so that who waits for it gets an error. Ready when that
  /// has been done; it may never be.
  virtual std::future<void> abort() = 0;
};

/// Those of a process. Any thread may call.
class AbortableCommunicators {
 public:
  void add(const std::shared_ptr<AbortableCommunicator>& link);

  /// The first one found.
  CommunicatorFault fault() const;
  /// False when one of them was not done after `limit_s`; it is left behind.
  bool abort(double limit_s) const;

 private:
  std::vector<std::shared_ptr<AbortableCommunicator>> alive() const;

  mutable std::mutex mutex_;
  std::vector<std::weak_ptr<AbortableCommunicator>> abortables_;
};

}  // namespace nextframe
