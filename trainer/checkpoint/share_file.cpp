#include "trainer/checkpoint/share_file.h"

#include <algorithm>

#include "data/direct_file.h"
#include "data/direct_reader.h"
#include "trainer/checkpoint/manifest.h"
#include "trainer/exit_code.h"

namespace nextframe {
namespace fs = std::filesystem;
namespace {

void beat(WriterPulse& pulse, const fs::path& path) {
  if (pulse.is_cancelled()) throw CheckpointError(path.string() + ": given up");
  pulse.beat();
}

/// Chunks that follow one another become one piece.
void list_chunk(std::vector<StoredTensor>& tensors, const ShareChunk& chunk,
                const std::string& file, int64_t file_offset) {
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

std::vector<StoredTensor> write(const fs::path& path, const Share& share, WriterPulse& pulse) {
  DirectFile file(path);
  std::vector<StoredTensor> tensors;
  for (const auto& chunk : share.chunks) {
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

std::string write_share(const fs::path& path, const Share& share, WriterPulse& pulse) {
  try {
    const auto tensors = write(path, share, pulse);
    read_back(path, tensors, pulse);
    return pieces_to_json(tensors, path.filename(), static_cast<int64_t>(fs::file_size(path)));
  } catch (...) {
    std::error_code ignored;
    fs::remove(path, ignored);  // a full disk has better use for the room
    throw;
  }
}

}  // namespace nextframe
