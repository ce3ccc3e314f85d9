// A cuDNN graph for one attention problem, and the execution plan made from it. Hides cuDNN's
// headers, which take half a minute to compile.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "kernels/cuda/cudnn_problem.h"

struct CUstream_st;

namespace nextframe {

/// cuDNN on the current GPU; for one thread at a time.
class CudnnHandle {
 public:
  CudnnHandle();
  ~CudnnHandle();
  CudnnHandle(const CudnnHandle&) = delete;
  CudnnHandle& operator=(const CudnnHandle&) = delete;

  void use_stream(CUstream_st* stream);
  void* get() const { return handle_; }

 private:
  void* handle_ = nullptr;
};

/// Throws NotSupported (kernels/cuda/plan_cache.h) with cuDNN's words where cuDNN has no kernels:
/// the constructor and choose_engine(). Whatever else fails is another std::runtime_error.
class CudnnGraph {
 public:
  /// Needs no GPU. `capability` is 90 for 9.0.
  CudnnGraph(const CudnnProblem& problem, int capability);
  ~CudnnGraph();
  CudnnGraph(const CudnnGraph&) = delete;
  CudnnGraph& operator=(const CudnnGraph&) = delete;

  /// Finds engines for the handle's GPU, or for one with such properties, as JSON.
  void choose_engine(const CudnnHandle& handle);
  void choose_engine(const std::string& device);
  void make_plan();
  int64_t workspace_bytes() const;

  /// Starts the plan's kernels. Addresses are by CudnnOperand.
  void start(const CudnnHandle& handle, const std::array<void*, kCudnnOperands>& addresses,
             float* stats, void* workspace) const;

 private:
  struct Graph;
  void choose_engine();

  CudnnProblem problem_;
  std::unique_ptr<Graph> graph_;
};

/// The current GPU's properties as JSON.
std::string cudnn_properties();

}  // namespace nextframe
