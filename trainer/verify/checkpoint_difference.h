// This file is where two checkpoints begin to differ.
#pragma once

#include <string>

#include "trainer/checkpoint/manifest.h"

namespace nextframe {

/// "" for equal digests; else the first difference: position, tensors, or the first chunk of the
/// first tensor whose hash differs, with how many of all differ.
std::string first_difference(const Manifest& left, const Manifest& right);

}  // namespace nextframe
