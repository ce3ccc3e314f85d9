// One call of attention that an emulated kernel has to answer.
#pragma once

#include <cmath>
#include <string>

#include "kernels/attention.h"
#include "kernels/torch.h"

namespace nextframe::testing_attention {

struct Case {
  int64_t queries, keys, head_dim;
  AttentionMask mask;
  bool placed = false;
  at::ScalarType dtype = at::kBFloat16;
};

inline std::string name_of(const Case& c) {
  return c10::str(c.queries, " of ", c.keys, "x", c.head_dim, " ", c.dtype,
                  c.placed ? " placed" : "", " frames of ", c.mask.frame_tokens, ", ",
                  c.mask.window_frames, ", ", c.mask.sink_frames, ", ", c.mask.clip_frames);
}

inline AttentionOptions options_of(const Case& c) {
  AttentionOptions options;
  options.mask = c.mask;
  if (c.mask.frame_tokens > 0) options.mask.first_query = c.keys - c.queries;
  options.normalise = c.placed;
  options.scale = (c.placed ? 1.5 : 1.0) / std::sqrt(static_cast<double>(c.head_dim));
  if (c.placed) options.rotation = rotation_in_time(std::max(c.queries, c.keys), c.head_dim);
  return options;
}

}  // namespace nextframe::testing_attention
