// The stream that collectives run on: a CUDA stream, or what stands for one in tests.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <memory>

namespace nextframe {

/// A point in a stream's work (a CUDA event).
class StreamEvent {
 public:
  virtual ~StreamEvent() = default;
  /// Whether all work before it is done. Never waits; thread-safe.
  virtual bool is_done() const = 0;
  /// Makes the calling thread's current stream wait for this event, and returns at once.
  /// Returns false if the caller's work runs in no stream; then the caller must wait itself.
  virtual bool make_caller_wait() const = 0;
};

/// Work runs in order, asynchronously to the host.
class DeviceStream {
 public:
  virtual ~DeviceStream() = default;
  virtual c10::Device device() const = 0;
  /// The stream as NCCL takes it.
  virtual void* handle() const = 0;
  /// Makes later work wait for everything on the calling thread's current stream.
  virtual void wait_for_caller() = 0;
  /// Enqueues the tensor operations of `work`.
  virtual void run(const std::function<void()>& work) = 0;
  /// An event after everything that was enqueued.
  virtual std::shared_ptr<StreamEvent> record() = 0;
};

/// A high-priority stream of a GPU, on which no computation runs. Throws EnvironmentError in a
/// build without CUDA.
std::unique_ptr<DeviceStream> make_gpu_stream(int64_t gpu_index);

}  // namespace nextframe
