// The entry to cuDNN's attention; a build may be without it.
#pragma once

#include <functional>
#include <string>

#include "kernels/cuda/cudnn_call.h"

struct CUstream_st;  // CUDA's, by name alone: a build without CUDA has no header of it

namespace nextframe {

bool has_cudnn();

/// So many bytes of the GPU's memory for the kernels of one call, at a multiple of 256.
using CudnnRoom = std::function<void*(int64_t bytes)>;

/// Answers a call without a cudnn_refusal() on the current GPU, by kernels that add up in a fixed
/// order. Returns an empty text, or why cuDNN has no such kernels; then nothing was started. The
/// first call of a problem makes a plan, which takes part of a second. Throws std::runtime_error
/// where cuDNN has them but fails, as without its library or for lack of memory: other kernels
/// would have other bits on this rank alone. May be called by any thread.
std::string cudnn_attention(const CudnnCall& call, CUstream_st* stream, const CudnnRoom& room);

/// Why cuDNN would not answer such problems, or an empty text; needs no GPU. `capability` is 90 for
/// 9.0. With the properties of a GPU, as cudnn_device() tells them, its engines are asked, for
/// which there must be a libcuda.so.1; without them only the graph is looked at.
std::string cudnn_check(const CudnnProblem& problem, int capability,
                        const std::string& device = {});

/// What the plan for a GPU with such properties takes; or std::runtime_error.
int64_t cudnn_workspace_bytes(const CudnnProblem& problem, int capability,
                              const std::string& device);

/// The current GPU's properties as cuDNN's JSON, or std::runtime_error.
std::string cudnn_device();

}  // namespace nextframe
