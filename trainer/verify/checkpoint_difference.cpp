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
  const auto &mine = left.position, &theirs = right.position;
  if (mine.step != theirs.step || mine.samples != theirs.samples) {
    return "step " + std::to_string(mine.step) + " and " + std::to_string(mine.samples) +
           " samples against step " + std::to_string(theirs.step) + " and " +
           std::to_string(theirs.samples) + " samples";
  }
  if (left.tensors.size() != right.tensors.size()) {
    return std::to_string(left.tensors.size()) + " tensors against " +
           std::to_string(right.tensors.size());
  }
  ChunkCount count;
  for (size_t i = 0; i < left.tensors.size(); ++i) {
    const auto &one = left.tensors[i], &other = right.tensors[i];
    if (one.name != other.name || one.sizes != other.sizes)
      return "tensor '" + one.name + "' against '" + other.name + "'";
    compare(one, other, count);
  }
  if (count.different == 0)
    return "what is remembered of losses or samples, though every tensor is the same";
  return "first in " + count.first + "; " + std::to_string(count.different) + " of " +
         std::to_string(count.all) + " chunks differ";
}

}  // namespace nextframe
