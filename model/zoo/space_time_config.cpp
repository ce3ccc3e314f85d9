#include "model/zoo/space_time_config.h"

#include <c10/util/StringUtil.h>

#include <cstdlib>

#include "model/space_time_block.h"

namespace nextframe {
namespace {

/// The divisor of `dim` nearest to `heads` that leaves a head a multiple of 4.
int64_t nearest_heads(int64_t dim, int64_t heads) {
  int64_t best = 1;
  for (int64_t k = 1; 4 * k <= dim; ++k) {
    if (dim % (4 * k) == 0 && std::abs(k - heads) <= std::abs(best - heads)) best = k;
  }
  return best;
}

}  // namespace

int64_t SpaceTimeConfig::mlp_width() const { return mlp_width_of(dim, mlp_ratio); }

void SpaceTimeConfig::fields(FieldVisitor& field) {
  field("dim", dim, "width of a token", Range{4, 65536});
  field("layers", layers, "blocks of attention and feed-forward", Range{1, 4096});
  field("heads", heads, "attention heads; dim is a multiple of 4 heads", Range{1, 16384});
  field("patch_px", patch_px, "of pixels, side of a patch; divides height and width",
        Range{1, 4096});
  field("halo_px", halo_px, "of pixels, those around a patch that its token sees too",
        Range{0, 4096});
  field("head_halo_px", head_halo_px, "of pixels, those around a patch that its token writes too",
        Range{0, 4096});
  field("registers", registers, "tokens of a frame without a place", Range{0, 65536});
  field("temporal_every", temporal_every, "every how many blocks attend over time", Range{1, 4096});
  field("mlp_ratio", mlp_ratio,
        "width of the feed-forward layer over dim, before rounding up to 32",
        Range{1.0 / 64, 1024});
  field("logit_scale", logit_scale,
        "sharpness of attention at the start; 1 is 1 / sqrt(head width)", Range::above(0, 1e6));
  field("differences", differences,
        "show a patch, or a value, what changed since the frame before");
  field("window_frames", window_frames,
        "newest frames that attention over time sees, the present one included; 0: all of a clip. "
        "Clips longer than the window train what a long dream does",
        Range{0, 1 << 20});
  field(
      "attention", attention,
      "factorised: over the tokens of a frame, then, in every temporal_every-th block, over time; "
      "frame_causal: over all tokens of the frame and of earlier ones, in every block; "
      "token_causal: over all tokens before it, for codes that are dreamed one after the other; "
      "full: over all tokens of the clip, for objectives that fill in clips",
      {"factorised", "frame_causal", "token_causal", "full"});
}

void SpaceTimeConfig::check(const Report& report) const {
  if (dim % 4 != 0) {
    report("dim", c10::str("is not a multiple of 4; nearest: ", (dim + 2) / 4 * 4));
  } else if (dim % heads != 0) {
    report("heads",
           c10::str("does not divide model.dim = ", dim, "; nearest: ", nearest_heads(dim, heads)));
  } else if (dim % (4 * heads) != 0) {
    report("heads", c10::str("leaves a head ", dim / heads,
                             " values, not a multiple of 4; nearest: ", nearest_heads(dim, heads)));
  }
  if (is_full() && window_frames > 0)
    report("window_frames", "is not used by attention = full, which sees the whole clip");
  if (temporal_every > layers) {
    report("temporal_every", c10::str("is more than model.layers = ", layers,
                                      ": no block would attend over time; nearest: ", layers));
  }
  if (mlp_width() < 1) {
    report("mlp_ratio", c10::str("leaves no width at model.dim = ", dim,
                                 "; needed: ", 1.0 / static_cast<double>(dim), " or more"));
  }
}

void SpaceTimeConfig::check_asked(const Traits& asked, const Report& report) const {
  if (asked.contains(Trait::code_order) != is_ordered()) {
    report("attention",
           is_ordered()
               ? "is for objectives that predict codes in order, autoregressive"
               : "does not keep codes in order, as the objective asks; needed: token_causal");
  } else if (asked.contains(Trait::whole_clip) != is_full()) {
    report("attention", is_full()
                            ? "is for objectives that fill in clips, clip_flow"
                            : "does not see later frames, as the objective asks; needed: full");
  }
}

}  // namespace nextframe
