// Whether frames can be cut into patches.
#pragma once

#include <string>

#include "data/batch.h"

namespace nextframe {

/// Throws c10::Error unless patches of side_px divide height and width; it names `what` was asked
/// for, "model.patch_px", and the sides nearest to it that do.
void require_patches(const std::string& what, int64_t side_px, const ClipShape& shape);

}  // namespace nextframe
