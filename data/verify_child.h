// A child process that verifies shards for its parent, because HDF5 may end it.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "data/verify_dataset.h"

namespace nextframe {

/// Calls check(first), check(first + 1), ... check(last - 1) in a child and hands each result to
/// `take` here, as it comes. Returns why the child ended before it had answered for the next shard:
/// HDF5's sentence, or its signal; "" if it has answered for all, and nothing if the system allows
/// no child. An exception in the child is thrown here as std::bad_alloc or std::runtime_error.
std::optional<std::string> verify_in_child(size_t first, size_t last,
                                           const std::function<VerifyReport(size_t)>& check,
                                           const std::function<void(VerifyReport)>& take);

}  // namespace nextframe
