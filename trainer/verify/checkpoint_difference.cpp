#include "trainer/verify/checkpoint_difference.h"

#include <algorithm>

namespace nextframe {
namespace {

/// Of the whole tensor, whoever wrote its pieces.
std::vector<Hash> hashes_of(const StoredTensor& tensor) {
  std::vector<Hash> hashes;
  for (const auto& piece : tensor.pieces)
    hashes.insert(hashes.end(), piece.chunk_hashes.begin(), piece.chunk_hashes.end());
  return hashes;
}

struct ChunkCount {
  std::string first;  // "'moment1/stem', chunk 3"
  int64_t different = 0, all = 0;
};

void compare(const StoredTensor& left, const StoredTensor& right, ChunkCount& count) {
  const auto mine = hashes_of(left), theirs = hashes_of(right);
  count.all += static_cast<int64_t>(mine.size());
  for (size_t chunk = 0; chunk < std::min(mine.size(), theirs.size()); ++chunk) {
    if (mine[chunk] == theirs[chunk]) continue;
    if (count.different++ == 0) count.first = "'" + left.name + "', chunk " + std::to_string(chunk);
  }
}

}  // namespace

std::string first_difference(const Manifest& left, const Manifest& right) {
  if (left.digest == right.digest) return "";
  if (!(left.position == right.position)) {
    return "step " + std::to_string(left.position.step) + " against step " +
           std::to_string(right.position.step) + ", or other samples";
  }
  if (left.tensors.size() != right.tensors.size()) {
    return std::to_string(left.tensors.size()) + " tensors against " +
           std::to_string(right.tensors.size());
  }
  ChunkCount count;
  for (size_t i = 0; i < left.tensors.size(); ++i) {
    const auto &mine = left.tensors[i], &theirs = right.tensors[i];
    if (mine.name != theirs.name || mine.sizes != theirs.sizes)
      return "tensor '" + mine.name + "' against '" + theirs.name + "'";
    compare(mine, theirs, count);
  }
  if (count.different == 0) return "the digests, though no chunk does";
  return "first in " + count.first + "; " + std::to_string(count.different) + " of " +
         std::to_string(count.all) + " chunks differ";
}

}  // namespace nextframe
