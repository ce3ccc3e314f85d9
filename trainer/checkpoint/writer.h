// The thread that writes checkpoints: one task at a time, with a timeout for waiting.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "launch/mpi/task_queue.h"

namespace nextframe {

/// How a task shows that it moves, and learns that nobody wants its result any more.
class WriterPulse {
 public:
  void beat() { ++beats_; }
  int64_t beats() const { return beats_; }
  void cancel() { is_cancelled_ = true; }
  bool is_cancelled() const { return is_cancelled_; }

 private:
  std::atomic<int64_t> beats_ = 0;
  std::atomic<bool> is_cancelled_ = false;
};

/// A task's result, or why there is none.
struct WriterOutcome {
  std::string text;
  std::string problem;  // "" is none
};

/// Used by one thread; tasks call no LibTorch.
class Writer {
 public:
  using Task = std::function<std::string(WriterPulse&)>;

  Writer() = default;
  /// Cancels the task under way and gives it a moment to end; a thread that hangs is left behind.
  ~Writer();

  /// Starts `task`; the one before must be done. `what` is told when it hangs: "writing …".
  void start(std::string what, Task task);

  /// Whether nothing is under way. Never waits.
  bool is_done() const;
  bool has_failed() const;

  /// Waits for the task and forgets it. One that does not move for `timeout_s` is a problem, and
  /// stays under way.
  WriterOutcome wait(double timeout_s);

  /// Asks the task to end early, and waits a moment for it.
  void cancel();

 private:
  struct Job;

  std::shared_ptr<Job> job_;  // outlives the writer when its thread hangs
  TaskQueue queue_;
};

}  // namespace nextframe
