// The stream that collectives run on: a CUDA stream, or what stands for one in tests.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <memory>

namespace nextframe {

/// A point in a queue's work.
class StreamEvent {
 public:
  virtual ~StreamEvent() = default;
  /// Whether all work before it is done; never waits, any thread.
  virtual bool is_done() const = 0;
  /// Lets what the calling thread puts on its current stream from now on wait for this point, and
  /// returns at once. False where the caller's work runs in no stream: it has to wait itself.
  virtual bool make_caller_wait() const = 0;
};

/// Work runs in the order given, beside the host.
class DeviceStream {
 public:
  virtual ~DeviceStream() = default;
  virtual c10::Device device() const = 0;
  /// What NCCL takes for a stream.
  virtual void* handle() const = 0;
  /// Work that is given from now on starts after what the calling thread's current stream holds.
  virtual void wait_for_caller() = 0;
  /// Puts the tensor operations of `work` into the queue.
  virtual void run(const std::function<void()>& work) = 0;
  /// The point after all that was given.
  virtual std::shared_ptr<StreamEvent> record() = 0;
};

/// A high-priority stream of a GPU that computation never runs on. EnvironmentError in a program
/// that was built without CUDA.
std::unique_ptr<DeviceStream> make_gpu_stream(int64_t gpu_index);

}  // namespace nextframe
