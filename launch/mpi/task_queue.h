// A thread that runs tasks in the order in which they were pushed.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <queue>
#include <thread>

namespace nextframe {

/// Tasks must not throw.
class TaskQueue {
 public:
  TaskQueue() : state_(std::make_shared<State>()), thread_([state = state_] { run(*state); }) {}

  /// Runs all tasks that were pushed, then ends the thread.
  ~TaskQueue() {
    push(nullptr);
    if (thread_.joinable()) thread_.join();
  }
  TaskQueue(const TaskQueue&) = delete;
  TaskQueue& operator=(const TaskQueue&) = delete;

  void push(std::function<void()> task) {
    {
      const std::lock_guard lock(state_->mutex);
      state_->tasks.push(std::move(task));
    }
    state_->is_filled.notify_one();
  }

  /// Detaches the thread, for a process that is about to end while a task hangs.
  void abandon() { thread_.detach(); }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable is_filled;
    std::queue<std::function<void()>> tasks;
  };

  static void run(State& state) {
    while (true) {
      std::unique_lock lock(state.mutex);
      state.is_filled.wait(lock, [&] { return !state.tasks.empty(); });
      const auto task = std::move(state.tasks.front());
      state.tasks.pop();
      lock.unlock();
      if (!task) return;  // the destructor's
      task();
    }
  }

  std::shared_ptr<State> state_;  // outlives the object when the thread was abandoned
  std::thread thread_;
};

}  // namespace nextframe
