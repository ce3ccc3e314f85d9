#include "trainer/parallel/chunk_owners.h"

#include <algorithm>

#include "kernels/torch.h"

namespace nextframe {

ChunkOwners::ChunkOwners(const FlatParameters& parameters, int64_t num_ranks,
                         const StaysWhole& stays_whole)
    : spans_(static_cast<size_t>(num_ranks)), packed_(static_cast<size_t>(num_ranks)) {
  std::vector<int64_t> loads(static_cast<size_t>(num_ranks));
  int64_t first_chunk = 0;
  for (size_t i = 0; i < parameters.layout().size(); ++i) {
    const int64_t numel = parameters.layout()[i].numel;
    const auto tensor = static_cast<int64_t>(i);
    const bool is_whole = stays_whole != nullptr && stays_whole(tensor);
    deal(parameters, tensor, first_chunk, is_whole ? numel : kChunkElements, loads);
    first_chunk += (numel + kChunkElements - 1) / kChunkElements;
  }
}

/// Deals a tensor in pieces of one chunk, or in a single one. Counts first, so that each rank gets
/// one contiguous run of chunks. The tensor's last chunk, which may be shorter, stays last.
void ChunkOwners::deal(const FlatParameters& parameters, int64_t tensor, int64_t first_chunk,
                       int64_t piece_elements, std::vector<int64_t>& loads) {
  const auto& layout = parameters.layout()[static_cast<size_t>(tensor)];
  std::vector<int64_t> elements(loads.size());
  size_t last_owner = loads.size() - 1;
  for (int64_t begin = 0; begin < layout.numel; begin += piece_elements) {
    const int64_t count = std::min(piece_elements, layout.numel - begin);
    last_owner = static_cast<size_t>(std::min_element(loads.begin(), loads.end()) - loads.begin());
    loads[last_owner] += count;
    elements[last_owner] += count;
  }
  int64_t begin = 0;
  for (size_t i = 1; i <= loads.size(); ++i) {
    const size_t rank = (last_owner + i) % loads.size();
    if (elements[rank] == 0) continue;
    give(static_cast<int64_t>(rank), {tensor, first_chunk + begin / kChunkElements, begin,
                                      elements[rank], layout.offset + begin, 0});
    begin += elements[rank];
  }
}

void ChunkOwners::give(int64_t rank, ChunkSpan span) {
  auto& packed = packed_[static_cast<size_t>(rank)];
  span.offset = packed;
  packed += (span.count + kAlignElements - 1) / kAlignElements * kAlignElements;
  spans_[static_cast<size_t>(rank)].push_back(span);
}

at::Tensor ChunkOwners::pack(const at::Tensor& flat, int64_t rank) const {
  auto packed = at::zeros({packed_elements(rank)}, flat.options());
  for (const auto& span : spans(rank)) {
    packed.narrow(0, span.offset, span.count).copy_(flat.narrow(0, span.flat_offset, span.count));
  }
  return packed;
}

std::vector<ChunkSpan> ChunkOwners::spans(int64_t rank, const TensorRange& tensors) const {
  std::vector<ChunkSpan> result;
  for (const auto& span : spans(rank)) {
    if (tensors.contains(span)) result.push_back(span);
  }
  return result;
}

}  // namespace nextframe
