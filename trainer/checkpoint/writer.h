// The thread that writes checkpoints: one task at a time, with a timeout for waiting.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "launch/mpi/task_queue.h"

namespace nextframe {

/// How a task shows that it makes progress, and learns that it was cancelled.
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

/// For use by one thread. Tasks must not call LibTorch.
class Writer {
 public:
  using Task = std::function<std::string(WriterPulse&)>;

  Writer() = default;
  /// Cancels the task in progress and gives it a moment to end; abandons a thread that hangs.
  ~Writer();

  /// Starts `task`; the previous one must be done. `what` ("writing …") is for the message if it
  /// hangs.
  void start(std::string what, Task task);

  /// Whether no task is in progress. Never waits.
  bool is_done() const;
  bool has_failed() const;

  /// Waits for the task. If it makes no progress for `timeout_s`, returns that as a problem,
  /// and the task stays in progress.
  WriterOutcome wait(double timeout_s);

  /// Asks the task to end early, and waits a moment for it.
  void cancel();

 private:
  struct Job;

  std::shared_ptr<Job> job_;  // outlives the writer when its thread hangs
  TaskQueue queue_;
};

}  // namespace nextframe
