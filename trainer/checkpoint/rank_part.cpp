#include "trainer/checkpoint/rank_part.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>

#include "data/direct_file.h"
#include "data/direct_reader.h"
#include "kernels/base/fixed_tree.h"
#include "trainer/checkpoint/digest.h"
#include "trainer/checkpoint/manifest.h"
#include "trainer/exit_code.h"

namespace nextframe {
namespace {

/// Copies from a GPU go into pinned memory, of which LibTorch keeps what it has pinned once.
at::Tensor to_host(const at::Tensor& values) {
  if (values.is_cpu()) return values;
  return at::empty(values.sizes(), at::TensorOptions().dtype(at::kFloat).pinned_memory(true))
      .copy_(values);
}

/// Chunks [first, last) of the layout, of one buffer.
void add_chunks(RankPart& part, const RunState& state, const StateBuffer& buffer, int64_t first,
                int64_t last) {
  if (first == last) return;
  const auto& chunks = state.layout.chunks();
  const auto& end = chunks[static_cast<size_t>(last - 1)];
  const int64_t begin = chunks[static_cast<size_t>(first)].offset;
  part.memory.push_back(to_host(buffer.values.narrow(0, begin, end.offset + end.count - begin)));
  const float* values = part.memory.back().const_data_ptr<float>();
  for (int64_t i = first; i < last; ++i) {
    const auto& chunk = chunks[static_cast<size_t>(i)];
    const auto& tensor = state.layout.layout()[static_cast<size_t>(chunk.tensor)];
    part.chunks.push_back({state_tensor_name(buffer, tensor), tensor.sizes, chunk.number,
                           values + (chunk.offset - begin), chunk.count});
  }
}

/// What this rank owns of a buffer; of ranks that own the same each takes a stretch of its chunks.
void add_owned(RankPart& part, const RunState& state, const StateBuffer& buffer) {
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
  part.memory.push_back(to_host(buffer.values.narrow(0, from, to - from)));
  const float* values = part.memory.back().const_data_ptr<float>();
  for (const auto& chunk : chunks) {
    const auto& tensor = state.layout.layout()[static_cast<size_t>(chunk.first->tensor)];
    part.chunks.push_back({state_tensor_name(buffer, tensor), tensor.sizes,
                           (chunk.first->first + chunk.second) / kChunkElements,
                           values + offset(chunk) - from, count(chunk)});
  }
}

}  // namespace

RankPart part_of_rank(const RunState& state, int64_t rank, int64_t world_size) {
  const auto num_chunks = static_cast<int64_t>(state.layout.chunks().size());
  const auto [first, last] = owned_leaves(num_chunks, rank, world_size);
  RankPart part;
  part.is_copy = !state.buffers.empty() && !state.buffers.front().values.is_cpu();
  for (const auto& buffer : state.buffers) {
    if (buffer.owned != nullptr) {
      add_owned(part, state, buffer);
    } else {
      add_chunks(part, state, buffer, first, last);
    }
  }
  return part;
}

RankPart PartBuffer::hold(RankPart part) {
  if (part.is_copy) return part;
  int64_t total = 0;
  for (const auto& memory : part.memory) total += memory.numel();
  if (!buffer_.defined() || buffer_.numel() < total) buffer_ = at::empty({total}, at::kFloat);

  auto chunk = part.chunks.begin();
  float* to = buffer_.mutable_data_ptr<float>();
  for (auto& memory : part.memory) {
    const float* from = memory.const_data_ptr<float>();
    const int64_t count = memory.numel();
    std::memcpy(to, from, static_cast<size_t>(count) * sizeof(float));
    // Chunks lie in the order of the memory that they point into.
    for (; chunk != part.chunks.end() && chunk->values >= from && chunk->values < from + count;
         ++chunk) {
      chunk->values = to + (chunk->values - from);
    }
    to += count;
    memory = buffer_;
  }
  TORCH_INTERNAL_ASSERT(chunk == part.chunks.end(), "a chunk's values are in no listed memory");
  return part;
}

namespace fs = std::filesystem;
namespace {

void beat(WriterPulse& pulse, const fs::path& path) {
  if (pulse.is_cancelled()) throw CheckpointError(path.string() + ": given up");
  pulse.beat();
}

/// Chunks that follow one another become one piece.
void list_chunk(std::vector<StoredTensor>& tensors, const PartChunk& chunk, const std::string& file,
                int64_t file_offset) {
  const bool is_new = tensors.empty() || tensors.back().name != chunk.tensor;
  if (is_new) tensors.push_back({chunk.tensor, chunk.sizes, {}});
  auto& pieces = tensors.back().pieces;
  const auto next = [&] {
    return pieces.back().first_chunk + static_cast<int64_t>(pieces.back().chunk_hashes.size());
  };
  if (is_new || chunk.number != next()) pieces.push_back({file, file_offset, chunk.number, 0, {}});
  pieces.back().num_elements += chunk.count;
  pieces.back().chunk_hashes.push_back(
      chunk_hash(chunk.tensor, chunk.sizes, chunk.number, chunk.values, chunk.count));
}

std::vector<StoredTensor> write(const fs::path& path, const RankPart& part, WriterPulse& pulse) {
  DirectFile file(path);
  std::vector<StoredTensor> tensors;
  for (const auto& chunk : part.chunks) {
    beat(pulse, path);
    list_chunk(tensors, chunk, path.filename(), file.bytes_appended());
    file.append(chunk.values, static_cast<size_t>(chunk.count) * sizeof(float));
  }
  file.finish();
  return tensors;
}

/// The file holds nothing but the pieces, in their order.
void read_back(const fs::path& path, const std::vector<StoredTensor>& tensors, WriterPulse& pulse) {
  DirectReader file(path);
  std::vector<float> values(kChunkElements);
  for (const auto& tensor : tensors) {
    for (const auto& piece : tensor.pieces) {
      int64_t left = piece.num_elements, number = piece.first_chunk;
      for (const auto& hash : piece.chunk_hashes) {
        beat(pulse, path);
        const int64_t count = std::min(kChunkElements, left);
        file.read(values.data(), static_cast<size_t>(count) * sizeof(float));
        if (chunk_hash(tensor.name, tensor.sizes, number, values.data(), count) != hash) {
          throw CheckpointError(path.string() + ": chunk " + std::to_string(number) + " of '" +
                                tensor.name + "' was read back other than it was written; the " +
                                "disk or the memory of this host is failing");
        }
        left -= count, ++number;
      }
    }
  }
}

}  // namespace

std::string rank_file_name(int64_t rank) {
  auto digits = std::to_string(rank);
  return "rank-" + std::string(5 - std::min<size_t>(5, digits.size()), '0') + digits + ".bin";
}

std::string write_rank_part(const fs::path& path, const RankPart& part, WriterPulse& pulse) {
  try {
    const auto tensors = write(path, part, pulse);
    read_back(path, tensors, pulse);
    return pieces_to_json(tensors, path.filename(), static_cast<int64_t>(fs::file_size(path)));
  } catch (...) {
    std::error_code ignored;
    fs::remove(path, ignored);  // a full disk has better use for the room
    throw;
  }
}

}  // namespace nextframe
