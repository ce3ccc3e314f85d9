#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "kernels/torch.h"
#include "trainer/parallel/chunk_owners.h"

namespace nextframe {
namespace {

/// Tensors of many sizes: of several chunks, of exactly one, tiny, and none.
struct OwnedModel : torch::nn::Module {
  OwnedModel() {
    int number = 0;
    for (const int64_t numel : {int64_t{5}, 9 * kChunkElements + 7, int64_t{0}, kChunkElements,
                                int64_t{1}, 3 * kChunkElements, int64_t{4000}, int64_t{90}}) {
      register_parameter(c10::str("p", number++), at::zeros({numel}));
    }
  }
};

TEST(ChunkOwners, EveryChunkHasOneOwnerAndEveryRunEndsAtAChunk) {
  OwnedModel model;
  const FlatParameters parameters(model);
  for (const int64_t num_ranks : {1, 2, 3, 5, 40}) {
    const ChunkOwners owners(parameters, num_ranks);
    std::set<int64_t> seen;
    for (int64_t rank = 0; rank < num_ranks; ++rank) {
      int64_t packed = 0;
      for (const auto& span : owners.spans(rank)) {
        const auto& tensor = parameters.layout()[static_cast<size_t>(span.tensor)];
        EXPECT_EQ(span.flat_offset, tensor.offset + span.first);
        EXPECT_EQ(span.first % kChunkElements, 0);
        const int64_t end = span.first + span.count;
        EXPECT_TRUE(end % kChunkElements == 0 || end == tensor.numel);
        EXPECT_GE(span.offset, packed) << "spans overlap in the packed buffer";
        EXPECT_EQ(span.offset % kAlignElements, 0);
        packed = span.offset + span.count;
        for (int64_t begin = 0; begin < span.count; begin += kChunkElements) {
          const int64_t number = span.first_chunk + begin / kChunkElements;
          EXPECT_EQ(parameters.chunks()[static_cast<size_t>(number)].offset,
                    span.flat_offset + begin);
          EXPECT_TRUE(seen.insert(number).second) << "chunk " << number << " has two owners";
        }
      }
      EXPECT_LE(packed, owners.packed_elements(rank));
    }
    EXPECT_EQ(seen.size(), parameters.chunks().size());
  }
}

TEST(ChunkOwners, NoRankHasAChunkMoreThanAnother) {
  OwnedModel model;
  const FlatParameters parameters(model);
  for (const int64_t num_ranks : {2, 3, 5}) {
    const ChunkOwners owners(parameters, num_ranks);
    std::vector<int64_t> elements;
    for (int64_t rank = 0; rank < num_ranks; ++rank)
      elements.push_back(owners.packed_elements(rank));
    const auto [least, most] = std::minmax_element(elements.begin(), elements.end());
    EXPECT_LE(*most - *least, kChunkElements + 8 * kAlignElements) << num_ranks;
  }
}

TEST(ChunkOwners, ATensorThatStaysWholeHasOneOwnerTheOneWithLeast) {
  OwnedModel model;
  const FlatParameters parameters(model);
  const auto stays_whole = [](int64_t tensor) { return tensor == 1 || tensor == 5; };
  for (const int64_t num_ranks : {1, 2, 3, 5, 40}) {
    const ChunkOwners owners(parameters, num_ranks, stays_whole);
    std::vector<int64_t> num_owners(parameters.layout().size());
    int64_t elements = 0, most = 0, all = 0;
    for (int64_t rank = 0; rank < num_ranks; ++rank) {
      for (const auto& span : owners.spans(rank)) {
        const auto tensor = static_cast<size_t>(span.tensor);
        ++num_owners[tensor];
        if (stays_whole(span.tensor)) {
          EXPECT_EQ(span.count, parameters.layout()[tensor].numel);
        }
        elements += span.count;
      }
      most = std::max(most, owners.packed_elements(rank));
    }
    for (const auto& tensor : parameters.layout()) all += tensor.numel;
    EXPECT_EQ(num_owners[1], 1);
    EXPECT_EQ(num_owners[5], 1);
    EXPECT_EQ(elements, all);
    EXPECT_LE(most, all / num_ranks + parameters.layout()[1].numel + 8 * kAlignElements);
  }
  // The second is dealt to the rank that has not got the first.
  const ChunkOwners owners(parameters, 2, stays_whole);
  const auto has = [&](int64_t rank, int64_t tensor) {
    return std::ranges::any_of(owners.spans(rank),
                               [&](const auto& span) { return span.tensor == tensor; });
  };
  for (const int64_t rank : {0, 1}) EXPECT_NE(has(rank, 1), has(rank, 5)) << rank;
}

TEST(ChunkOwners, OneRanksPackedBufferIsTheWholeOne) {
  OwnedModel model;
  const FlatParameters parameters(model);
  const ChunkOwners owners(parameters, 1);
  EXPECT_EQ(owners.packed_elements(0), parameters.values().numel());
  for (const auto& span : owners.spans(0)) EXPECT_EQ(span.offset, span.flat_offset);
}

}  // namespace
}  // namespace nextframe
