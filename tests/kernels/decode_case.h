// Decoding for tests: frames join a KV cache one after another, and must give the same as attention
// over all of them at once.
#pragma once

#include <functional>

#include "kernels/attention.h"
#include "kernels/decode_attention.h"
#include "tests/kernels/gradient.h"

namespace nextframe::testing_decode {

struct Case {
  int64_t outer, frames, frame_tokens, inner, heads, head_dim;
  int64_t window;       // frames
  int64_t spare = 0;    // slots beyond those of a window
  bool placed = true;   // normalised and turned
  int64_t start = 0;    // slot of the first token
  bool by_head = true;  // the layout of make_kv_cache(); else [O, S, I, K, F]
  int64_t slots() const { return window * frame_tokens + spare; }
};

inline std::string name_of(const Case& c) {
  return c10::str(c.frames, " frames of ", c.frame_tokens, "x", c.head_dim, ", window ", c.window,
                  " in ", c.slots(), " slots from ", c.start);
}

inline at::Tensor tokens_of(const Case& c, uint64_t seed = 1) {
  return testing_gradient::random(
      {c.outer, c.frames * c.frame_tokens, c.inner, 3, c.heads, c.head_dim}, seed);
}

/// Of all frames at once.
inline AttentionOptions whole(const Case& c) {
  AttentionOptions options;
  options.mask.frame_tokens = c.frame_tokens, options.mask.window_frames = c.window;
  options.scale = (c.placed ? 1.5 : 1.0) / std::sqrt(static_cast<double>(c.head_dim));
  options.normalise = c.placed;
  if (c.placed) options.rotation = rotation_in_time(c.frames * c.frame_tokens, c.head_dim);
  return options;
}

inline at::Tensor all_at_once(const Case& c, const at::Tensor& tokens) {
  return attention_definition(tokens.select(3, 0), tokens.select(3, 1), tokens.select(3, 2),
                              whole(c));
}

using Step = std::function<at::Tensor(const at::Tensor&, const KvCache&, const DecodeOptions&)>;

/// Frame after frame. The ring holds NaN where nothing was kept.
inline at::Tensor dream(const Case& c, const at::Tensor& tokens, const Step& step) {
  const auto options = whole(c);
  auto ring = make_kv_cache(tokens, c.slots());
  if (!c.by_head) ring = {ring.key.contiguous(), ring.value.contiguous()};
  ring.key.fill_(std::numeric_limits<double>::quiet_NaN());
  ring.value.fill_(std::numeric_limits<double>::quiet_NaN());
  std::vector<at::Tensor> results;
  for (int64_t frame = 0; frame < c.frames; ++frame) {
    const int64_t first = frame * c.frame_tokens;
    DecodeOptions now;
    now.slot = (c.start + first) % c.slots();
    now.seen = std::min(frame + 1, c.window) * c.frame_tokens;
    now.scale = options.scale, now.normalise = options.normalise;
    if (c.placed) {
      const auto rows = [&](const at::Tensor& table) {
        return table.narrow(0, first, c.frame_tokens).to(tokens.device());
      };
      now.rotation = {rows(options.rotation.cosine_LP), rows(options.rotation.sine_LP)};
    }
    results.push_back(step(tokens.narrow(1, first, c.frame_tokens), ring, now));
  }
  return at::cat(results, 1);
}

}  // namespace nextframe::testing_decode
