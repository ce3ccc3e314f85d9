// This file is the order in which buckets of the gradient are exchanged.
#pragma once

#include <vector>

#include "launch/communicator.h"
#include "trainer/flat_parameters.h"
#include "trainer/gradient_sync.h"

namespace nextframe {

/// Rank 0's order of tensors, on every rank; tensors that are not in it come last. Collective.
std::vector<int64_t> agree_on_order(Communicator& world, const FlatParameters& parameters,
                                    std::vector<int64_t> order);

/// Cuts an order of all tensors into buckets.
std::vector<std::vector<int64_t>> cut_into_buckets(const FlatParameters& parameters,
                                                   const std::vector<int64_t>& order,
                                                   const BucketBytes& bytes);

}  // namespace nextframe
