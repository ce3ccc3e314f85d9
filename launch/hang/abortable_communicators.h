// The asynchronous (NCCL) communicators of this process, which the watchdog polls for errors and
// aborts.
#pragma once

#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace nextframe {

/// An error of a communicator.
struct CommunicatorFault {
  std::string communicator;      // "gradients"; "": there is none
  std::string text;              // the collective, and the library's message
  bool is_peer_failure = false;  // according to the library, another rank has gone
  bool was_thrown = false;       // was also thrown by a call
};

/// Thread-safe.
class AbortableCommunicator {
 public:
  virtual ~AbortableCommunicator() = default;
  /// The first error so far, not counting those caused by abort(). May hang with the device.
  virtual CommunicatorFault fault() = 0;
  /// Starts to abort collectives in progress, so that their waiters get an error. The future
  /// is ready when that is done, which may be never.
  virtual std::future<void> abort() = 0;
};

/// All such communicators of a process. Thread-safe.
class AbortableCommunicators {
 public:
  void add(const std::shared_ptr<AbortableCommunicator>& link);

  /// The first error found.
  CommunicatorFault fault() const;
  /// Aborts all. Returns false if one was not done after `limit_s`; it is left behind.
  bool abort(double limit_s) const;

 private:
  std::vector<std::shared_ptr<AbortableCommunicator>> alive() const;

  mutable std::mutex mutex_;
  std::vector<std::weak_ptr<AbortableCommunicator>> abortables_;
};

}  // namespace nextframe
