// Stands in for cudnn/ in a build without cuDNN's headers.
#include <stdexcept>

#include "kernels/cuda/cudnn_attention.h"

namespace nextframe {
namespace {

constexpr const char* kAbsent =
    "this build has no cuDNN; scripts/setup --cuda installs its headers";

}  // namespace

bool has_cudnn() { return false; }

std::string cudnn_attention(const CudnnCall&, CUstream_st*, const CudnnRoom&) { return kAbsent; }

std::string cudnn_check(const CudnnProblem&, int, const std::string&) { return kAbsent; }

int64_t cudnn_workspace_bytes(const CudnnProblem&, int, const std::string&) {
  throw std::runtime_error(kAbsent);
}

std::string cudnn_device() { throw std::runtime_error(kAbsent); }

}  // namespace nextframe
