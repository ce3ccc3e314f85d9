#include "trainer/checkpoint/share.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "kernels/base/fixed_tree.h"
#include "trainer/checkpoint/digest.h"

namespace nextframe {
namespace {

/// Copies from a GPU go into pinned memory, of which LibTorch keeps what it has pinned once.
at::Tensor to_host(const at::Tensor& values) {
  if (values.is_cpu()) return values;
  return at::empty(values.sizes(), at::TensorOptions().dtype(at::kFloat).pinned_memory(true))
      .copy_(values);
}

/// Chunks [first, last) of the layout, of one buffer.
void add_chunks(Share& share, const RunState& state, const StateBuffer& buffer, int64_t first,
                int64_t last) {
  if (first == last) return;
  const auto& chunks = state.layout.chunks();
  const auto& end = chunks[static_cast<size_t>(last - 1)];
  const int64_t begin = chunks[static_cast<size_t>(first)].offset;
  share.memory.push_back(to_host(buffer.values.narrow(0, begin, end.offset + end.count - begin)));
  const float* values = share.memory.back().const_data_ptr<float>();
  for (int64_t i = first; i < last; ++i) {
    const auto& chunk = chunks[static_cast<size_t>(i)];
    const auto& tensor = state.layout.layout()[static_cast<size_t>(chunk.tensor)];
    share.chunks.push_back({state_tensor_name(buffer, tensor), tensor.sizes, chunk.number,
                            values + (chunk.offset - begin), chunk.count});
  }
}

/// What this rank owns of a buffer; of ranks that own the same each takes a stretch of its chunks.
void add_owned(Share& share, const RunState& state, const StateBuffer& buffer) {
  std::vector<std::pair<const ChunkSpan*, int64_t>> chunks;  // and where they begin in their span
  for (const auto& span : *buffer.owned) {
    for (int64_t begin = 0; begin < span.count; begin += kChunkElements)
      chunks.emplace_back(&span, begin);
  }
  const auto [first, last] =
      owned_leaves(static_cast<int64_t>(chunks.size()), buffer.copy, buffer.num_copies);
  if (first == last) return;
  chunks = {chunks.begin() + first, chunks.begin() + last};
  const auto offset = [](const auto& chunk) { return chunk.first->offset + chunk.second; };
  const auto count = [](const auto& chunk) {
    return std::min(kChunkElements, chunk.first->count - chunk.second);
  };
  const int64_t from = offset(chunks.front()), to = offset(chunks.back()) + count(chunks.back());
  share.memory.push_back(to_host(buffer.values.narrow(0, from, to - from)));
  const float* values = share.memory.back().const_data_ptr<float>();
  for (const auto& chunk : chunks) {
    const auto& tensor = state.layout.layout()[static_cast<size_t>(chunk.first->tensor)];
    share.chunks.push_back({state_tensor_name(buffer, tensor), tensor.sizes,
                            (chunk.first->first + chunk.second) / kChunkElements,
                            values + offset(chunk) - from, count(chunk)});
  }
}

}  // namespace

Share share_of(const RunState& state, int64_t rank, int64_t world_size) {
  const auto num_chunks = static_cast<int64_t>(state.layout.chunks().size());
  const auto [first, last] = owned_leaves(num_chunks, rank, world_size);
  Share share;
  share.is_copy = !state.buffers.empty() && !state.buffers.front().values.is_cpu();
  for (const auto& buffer : state.buffers) {
    if (buffer.owned != nullptr) {
      add_owned(share, state, buffer);
    } else {
      add_chunks(share, state, buffer, first, last);
    }
  }
  return share;
}

}  // namespace nextframe
