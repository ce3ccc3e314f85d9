#include "trainer/checkpoint/share_buffer.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>

namespace nextframe {

Share ShareBuffer::hold(Share share) {
  if (share.is_copy) return share;
  int64_t total = 0;
  for (const auto& memory : share.memory) total += memory.numel();
  if (!buffer_.defined() || buffer_.numel() < total) buffer_ = at::empty({total}, at::kFloat);

  auto chunk = share.chunks.begin();
  float* to = buffer_.mutable_data_ptr<float>();
  for (auto& memory : share.memory) {
    const float* from = memory.const_data_ptr<float>();
    const int64_t count = memory.numel();
    std::memcpy(to, from, static_cast<size_t>(count) * sizeof(float));
    // Chunks lie in the order of the memory that they point into.
    for (; chunk != share.chunks.end() && chunk->values >= from && chunk->values < from + count;
         ++chunk) {
      chunk->values = to + (chunk->values - from);
    }
    to += count;
    memory = buffer_;
  }
  TORCH_INTERNAL_ASSERT(chunk == share.chunks.end(), "a chunk's values are in no listed memory");
  return share;
}

}  // namespace nextframe
