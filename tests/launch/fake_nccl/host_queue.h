// A fake CUDA stream on the host: work runs in order in its own thread.
#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "launch/mpi/task_queue.h"
#include "launch/nccl/device_stream.h"
#include "tests/launch/fake_nccl/control.h"

namespace nextframe {

class HostPoint final : public StreamEvent {
 public:
  bool is_done() const override { return is_reached_; }
  bool make_caller_wait() const override {
    return false;
  }  // the caller's work is done when it returns
  void reach() { is_reached_ = true; }

 private:
  std::atomic<bool> is_reached_ = false;
};

class HostQueue : public DeviceStream, public HostStream {
 public:
  c10::Device device() const override { return {c10::DeviceType::CPU, 0}; }
  void* handle() const override {
    return const_cast<HostStream*>(static_cast<const HostStream*>(this));
  }
  void wait_for_caller() override {}
  void run(const std::function<void()>& work) override { tasks_.push(work); }
  std::shared_ptr<StreamEvent> record() override {
    auto point = std::make_shared<HostPoint>();
    tasks_.push([point] { point->reach(); });
    return point;
  }
  void enqueue(std::function<void()> work) override { tasks_.push(std::move(work)); }

 private:
  TaskQueue tasks_;
};

}  // namespace nextframe
