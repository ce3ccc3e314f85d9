#include "data/batch.h"

#include <ATen/ATen.h>

#include <cstring>

#include "data/dataset.h"

namespace nextframe {
namespace {

/// Not at::zeros: reader threads must not wake LibTorch's thread pool.
at::Tensor filled(at::IntArrayRef sizes, at::ScalarType type, int byte) {
  const auto options = at::TensorOptions(type).pinned_memory(at::hasCUDA());
  at::Tensor tensor = at::empty(sizes, options);
  if (tensor.numel() > 0) std::memset(tensor.data_ptr(), byte, tensor.nbytes());
  return tensor;
}

}  // namespace

Batch make_batch(const ClipShape& shape, int64_t clips) {
  const int64_t frames = shape.clip_frames;
  return {filled({clips, frames, shape.height_px, shape.width_px, shape.channels}, at::kByte, 0),
          filled({clips, frames, shape.action_width}, at::kFloat, 0),
          filled({clips, frames}, at::kBool, 1), filled({clips}, at::kLong, 0)};
}

}  // namespace nextframe
