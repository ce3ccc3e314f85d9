#include "model/time_kv_cache.h"

#include <ATen/ATen.h>

#include "kernels/attention.h"

namespace nextframe {

Rotation rows_of(const Rotation& table, int64_t first, int64_t count) {
  return {table.cosine_LP.narrow(0, first, count), table.sine_LP.narrow(0, first, count)};
}

TimeKvCache TimeKvCache::clone() const {
  auto copy = *this;
  if (ring_.key.defined()) copy.ring_ = {ring_.key.clone(), ring_.value.clone()};
  return copy;
}

at::Tensor TimeKvCache::attend(const at::Tensor& packed_OLI3KF, const AttentionOptions& options,
                               bool appends, int64_t ahead) {
  const int64_t tokens = frame_tokens_, count = packed_OLI3KF.size(1) / tokens;
  TORCH_CHECK(packed_OLI3KF.size(1) == count * tokens, "KV cache: whole frames of ", tokens,
              " tokens are needed, got ", packed_OLI3KF.size(1), " tokens");
  TORCH_CHECK(appends ? ahead == 0 : ahead + count <= looks_, "KV cache: a look at ", count,
              " frames, ", ahead, " ahead; room for ", looks_);
  // A frame that does not stay takes slots that the next ones overwrite: the oldest, unseen ones.
  const int64_t slots = (window_ + looks_ - 1) * tokens;
  if (!ring_.key.defined()) ring_ = make_kv_cache(packed_OLI3KF, slots);
  DecodeOptions step;
  step.scale = options.scale, step.normalise = options.normalise;
  if (appends && frames_ == 0 && count > 1) {  // all at once: nothing is there to look back at
    const int64_t kept = std::min(count, window_), first = count - kept;
    step.rotation = rows_of(options.rotation, first * tokens, kept * tokens);
    step.slot = first * tokens % slots;
    write_kv_cache(packed_OLI3KF.narrow(1, first * tokens, kept * tokens), ring_, step);
    frames_ = count;
    auto causal = options;
    causal.mask.frame_tokens = tokens;
    causal.mask.window_frames = window_;
    return self_attention(packed_OLI3KF, causal);
  }
  std::vector<at::Tensor> results;
  for (int64_t frame = 0; frame < count; ++frame) {
    step.rotation = rows_of(options.rotation, frame * tokens, tokens);
    const int64_t number = frames_ + ahead + frame;
    step.slot = number * tokens % slots;
    step.seen = std::min(number + 1, window_) * tokens;
    results.push_back(
        decode_attention(packed_OLI3KF.narrow(1, frame * tokens, tokens), ring_, step));
  }
  if (appends) frames_ += count;
  return count == 1 ? results[0] : at::cat(results, 1);
}

Rotation TimeRotations::next(int64_t num_frames, c10::Device device, bool appends) {
  const int64_t first = frames_, end = first + num_frames;
  if (appends) frames_ = end;
  if (!made_.cosine_LP.defined() || end > first_made_ + made_.cosine_LP.size(0) / frame_rows_) {
    const auto rows = make_(std::max(window_, num_frames), first);
    made_ = {rows.cosine_LP.to(device), rows.sine_LP.to(device)};
    first_made_ = first;
  }
  return rows_of(made_, (first - first_made_) * frame_rows_, num_frames * frame_rows_);
}

}  // namespace nextframe
