#include <ATen/core/CachingHostAllocator.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "kernels/graph_recorder.h"

namespace nextframe {
namespace {

class CudaGraph final : public RecordedGraph {
 public:
  explicit CudaGraph(const std::function<void()>& body) {
    c10::cuda::device_synchronize();  // nothing of before runs beside what follows
    const c10::cuda::CUDAStreamGuard guard(stream_);
    try {
      // Other threads, as the loader's and the communicators', go on with calls of their own.
      graph_.capture_begin(pool_, cudaStreamCaptureModeThreadLocal);
      body();
      graph_.capture_end();
    } catch (...) {
      give_up();
      throw;
    }
  }

  void replay() override { graph_.replay(); }

 private:
  /// Whatever broke it is on its way. The stream must leave the capture, the next check of a launch
  /// must not see its error, and the allocators must not take memory for it any longer.
  void give_up() {
    auto status = cudaStreamCaptureStatusNone;
    (void)cudaStreamIsCapturing(stream_, &status);
    if (status != cudaStreamCaptureStatusNone) {
      try {
        return graph_.capture_end();  // its destructor gives the memory back
      } catch (const std::exception&) {
      }
    }
    (void)cudaGetLastError();
    leave_pools();
  }

  /// LibTorch leaves its allocators' pools only once CUDA has ended the capture without an error.
  void leave_pools() {
    auto* const host = at::getHostAllocator(at::kCUDA);
    try {
      c10::cuda::CUDACachingAllocator::endAllocateToPool(device_, pool_);  // throws if it has
      host->end_allocate_to_pool(pool_);
      c10::cuda::CUDACachingAllocator::releasePool(device_, pool_);
      host->release_pool(pool_);
    } catch (const std::exception&) {
    }
  }

  const c10::cuda::CUDAStream stream_ = c10::cuda::getStreamFromPool();  // the default one cannot
  const c10::DeviceIndex device_ = c10::cuda::current_device();
  const c10::MempoolId_t pool_ = at::cuda::graph_pool_handle();  // of this graph alone
  at::cuda::CUDAGraph graph_;
};

}  // namespace

GraphRecorder cuda_graph_recorder() {
  return [](const std::function<void()>& body) { return std::make_unique<CudaGraph>(body); };
}

}  // namespace nextframe
