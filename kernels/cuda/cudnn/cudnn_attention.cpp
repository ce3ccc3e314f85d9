#include "kernels/cuda/cudnn_attention.h"

#include <cuda_runtime_api.h>

#include <map>
#include <mutex>
#include <stdexcept>

#include "kernels/cuda/cudnn/cudnn_graph.h"
#include "kernels/cuda/plan_cache.h"

namespace nextframe {
namespace {

/// cuDNN on one GPU.
struct Device {
  CudnnHandle handle;
  PlanCache<CudnnProblem, CudnnGraph> plans;
};

struct Everything {
  std::mutex mutex;  // a handle is for one thread at a time, and backward has threads of its own
  std::map<int, Device> devices;
};

/// Never destroyed: at the end of a process CUDA may be gone before.
Everything& everything() {
  static auto* const all = new Everything;
  return *all;
}

int number_from(cudaError_t error, int number) {
  if (error == cudaSuccess) return number;
  throw std::runtime_error(cudaGetErrorString(error));
}
int current_device() {
  int device = 0;
  const auto error = cudaGetDevice(&device);
  return number_from(error, device);
}
int attribute(cudaDeviceAttr which, int device) {
  int value = 0;
  const auto error = cudaDeviceGetAttribute(&value, which, device);
  return number_from(error, value);
}

std::unique_ptr<CudnnGraph> planned(const CudnnProblem& problem, int device,
                                    const CudnnHandle& handle) {
  auto graph = std::make_unique<CudnnGraph>(
      problem, 10 * attribute(cudaDevAttrComputeCapabilityMajor, device) +
                   attribute(cudaDevAttrComputeCapabilityMinor, device));
  graph->choose_engine(handle);
  graph->make_plan();
  return graph;
}

}  // namespace

bool has_cudnn() { return true; }

std::string cudnn_attention(const CudnnCall& call, CUstream_st* stream, const CudnnRoom& room) {
  const std::lock_guard lock(everything().mutex);
  const int number = current_device();
  auto& device = everything().devices[number];
  const auto& made = device.plans.of(cudnn_problem(call), [&](const CudnnProblem& problem) {
    return planned(problem, number, device.handle);
  });
  if (!made.plan) return made.refusal;
  std::array<void*, kCudnnOperands> addresses{};
  for (size_t i = 0; i < addresses.size(); ++i) addresses[i] = operands_of(call)[i].data;
  device.handle.use_stream(stream);
  made.plan->start(device.handle, addresses, call.stats, room(made.plan->workspace_bytes()));
  return {};
}

std::string cudnn_check(const CudnnProblem& problem, int capability, const std::string& device) {
  try {
    CudnnGraph graph(problem, capability);
    if (!device.empty()) graph.choose_engine(device);
    return {};
  } catch (const std::exception& reason) {
    return reason.what();
  }
}

int64_t cudnn_workspace_bytes(const CudnnProblem& problem, int capability,
                              const std::string& device) {
  CudnnGraph graph(problem, capability);
  graph.choose_engine(device);
  graph.make_plan();
  return graph.workspace_bytes();
}

std::string cudnn_device() { return cudnn_properties(); }

}  // namespace nextframe
