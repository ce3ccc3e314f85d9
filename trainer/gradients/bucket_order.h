// This file is the order in which buckets of the gradient are exchanged.
#pragma once

#include <string>
#include <vector>

#include "launch/communicator.h"
#include "trainer/gradients/flat_parameters.h"
#include "trainer/gradients/gradient_sync.h"

namespace nextframe {

/// Rank 0's order of tensors, on every rank; tensors that are not in it come last. Collective.
std::vector<int64_t> agree_on_order(Communicator& world, const FlatParameters& parameters,
                                    std::vector<int64_t> order);

/// The indices of the tensors of these names; empty unless each tensor is named once.
std::vector<int64_t> order_of_names(const FlatParameters& parameters,
                                    const std::vector<std::string>& names);
std::vector<std::string> names_of_order(const FlatParameters& parameters,
                                        const std::vector<int64_t>& order);

/// Cuts an order of all tensors into buckets.
std::vector<std::vector<int64_t>> cut_into_buckets(const FlatParameters& parameters,
                                                   const std::vector<int64_t>& order,
                                                   const BucketBytes& bytes);

}  // namespace nextframe
