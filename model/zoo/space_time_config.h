// The fields of the space_time_transformer's config.
#pragma once

#include <string>

#include "kernels/base/fields.h"
#include "model/traits.h"

namespace nextframe {

struct SpaceTimeConfig {
  int64_t dim = 128;  // D
  int64_t layers = 4;
  int64_t heads = 4;
  int64_t patch_px = 8;
  int64_t halo_px = 4;
  int64_t head_halo_px = 0;
  int64_t registers = 2;
  int64_t temporal_every = 2;
  double mlp_ratio = 8.0 / 3.0;
  double logit_scale = 1.5;
  bool differences = true;
  int64_t window_frames = 0;
  std::string attention = "factorised";

  bool is_joint() const { return attention != "factorised"; }
  bool is_ordered() const { return attention == "token_causal"; }
  bool is_full() const { return attention == "full"; }
  void fields(FieldVisitor& field);
  void check(const Report& report) const;
  /// See ModelEntry::check_asked.
  void check_asked(const Traits& asked, const Report& report) const;

  int64_t mlp_width() const;
};

}  // namespace nextframe
