#include "model/patch_size.h"

#include <c10/util/Exception.h>

#include <numeric>

namespace nextframe {

void require_patches(const std::string& what, int64_t side_px, const ClipShape& shape) {
  if (shape.height_px % side_px == 0 && shape.width_px % side_px == 0) return;
  const int64_t both = std::gcd(shape.height_px, shape.width_px);
  int64_t smaller = std::min(side_px, both), larger = side_px;
  while (both % smaller != 0) --smaller;
  while (larger <= both && both % larger != 0) ++larger;
  TORCH_CHECK(false, what, " = ", side_px, " must divide the frame size ", shape.height_px, "x",
              shape.width_px, "; nearest: ", smaller,
              larger <= both ? c10::str(" and ", larger) : "");
}

}  // namespace nextframe
