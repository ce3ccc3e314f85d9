#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "kernels/recorded_work.h"

namespace nextframe {
namespace {

class CudaGraph final : public RecordedWork {
 public:
  explicit CudaGraph(const std::function<void()>& body) {
    const auto stream = c10::cuda::getStreamFromPool();  // the default one cannot be captured
    stream.synchronize();
    c10::cuda::device_synchronize();  // nothing of before runs beside what follows
    const c10::cuda::CUDAStreamGuard guard(stream);
    // Other threads, as the loader's and the communicators', go on with calls of their own.
    graph_.capture_begin(/*pool=*/{0, 0}, cudaStreamCaptureModeThreadLocal);
    try {
      body();
    } catch (...) {
      give_up();
      throw;
    }
    graph_.capture_end();
  }

  void replay() override { graph_.replay(); }

 private:
  /// The stream must leave the capture, and the next check of a launch must not see its error.
  void give_up() {
    try {
      graph_.capture_end();
    } catch (const std::exception&) {
      // what broke the recording is on its way
    }
    (void)cudaGetLastError();
  }

  at::cuda::CUDAGraph graph_;
};

}  // namespace

WorkRecorder cuda_graph_recorder() {
  return [](const std::function<void()>& body) { return std::make_unique<CudaGraph>(body); };
}

}  // namespace nextframe
