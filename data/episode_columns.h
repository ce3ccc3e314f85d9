// What a shard holds beside frames and actions, read for one episode at a time: columns such as the
// true state of a simulated world, and the world that made it. Training reads none of it.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/world.h"

namespace nextframe {

/// Columns of numbers with a row a frame in the shard of `episode`, in alphabetical order, frames
/// and actions left out. DataError for a shard that cannot be read.
std::vector<std::string> column_names(const Dataset& dataset, int64_t episode);

/// Rows [first_frame, first_frame + count) of an episode, every stride-th of them, as float32
/// [rows, ...]. DataError that names the file if there is no such column, or if it is damaged.
at::Tensor read_column(const Dataset& dataset, int64_t episode, const std::string& name,
                       int64_t first_frame, int64_t count);

/// The simulated world that an episode is of, with the episode's own key as `first`; nothing for
/// recordings, and for simulated shards of programs that did not say so.
std::optional<WorldOrigin> origin_of(const Dataset& dataset, int64_t episode);

}  // namespace nextframe
