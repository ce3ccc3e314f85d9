#include <c10/cuda/CUDAEvent.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "launch/nccl/device_stream.h"

namespace nextframe {
namespace {

class CudaPoint final : public StreamEvent {
 public:
  explicit CudaPoint(const c10::cuda::CUDAStream& stream) { event_.record(stream); }
  bool is_done() const override { return event_.query(); }
  bool make_caller_wait() const override {
    event_.block(c10::cuda::getCurrentCUDAStream(event_.device_index()));
    return true;
  }

 private:
  mutable c10::cuda::CUDAEvent event_;
};

class CudaQueue final : public DeviceStream {
 public:
  explicit CudaQueue(int64_t gpu_index)
      : stream_(c10::cuda::getStreamFromPool(true, static_cast<c10::DeviceIndex>(gpu_index))) {}

  c10::Device device() const override { return stream_.device(); }
  void* handle() const override { return stream_.stream(); }
  void wait_for_caller() override {
    c10::cuda::CUDAEvent ready;
    ready.record(c10::cuda::getCurrentCUDAStream(stream_.device_index()));
    ready.block(stream_);
  }
  void run(const std::function<void()>& work) override {
    const c10::cuda::CUDAStreamGuard guard(stream_);
    work();
  }
  std::shared_ptr<StreamEvent> record() override { return std::make_shared<CudaPoint>(stream_); }

 private:
  c10::cuda::CUDAStream stream_;
};

}  // namespace

std::unique_ptr<DeviceStream> make_gpu_stream(int64_t gpu_index) {
  return std::make_unique<CudaQueue>(gpu_index);
}

}  // namespace nextframe
