#include "model/time_memory.h"

#include <ATen/ATen.h>

namespace nextframe {

TimeMemory::KeysAndValues TimeMemory::append(const at::Tensor& packed_BTN3KF) {
  const int64_t count = packed_BTN3KF.size(1);
  TORCH_CHECK(count <= window_, "memory: ", count, " frames at once, but a window of ", window_);
  if (!kept_BTN2KF_.defined()) {
    auto sizes = packed_BTN3KF.sizes().vec();
    sizes[1] = 2 * window_;
    sizes[3] = 2;
    kept_BTN2KF_ = at::empty(sizes, packed_BTN3KF.options());
  }
  if (end_ + count > 2 * window_) {  // once a window: back to the start
    const auto newest = kept_BTN2KF_.slice(1, begin_, end_).clone();
    kept_BTN2KF_.slice(1, 0, end_ - begin_).copy_(newest);
    end_ -= begin_;
    begin_ = 0;
  }
  kept_BTN2KF_.slice(1, end_, end_ + count).copy_(packed_BTN3KF.narrow(3, 1, 2));
  end_ += count;
  begin_ = std::max(begin_, end_ - window_);
  const auto kept = kept_BTN2KF_.slice(1, begin_, end_);
  return {kept.select(3, 0), kept.select(3, 1)};
}

}  // namespace nextframe
