#include "trainer/shards/gathering_runner.h"

#include "kernels/torch.h"

namespace nextframe {

at::Tensor GatheringRunner::run(int64_t index, const Block& block, const at::Tensor& hidden) {
  sections_.need_block(index, index + 1);
  const bool learns = at::GradMode::is_enabled();
  // The engine runs what came last first, so the hook of a block's input comes after all of its
  // backward, and that of its output before. What no hook frees is freed when the step ends.
  if (learns && hidden.requires_grad() && !hidden.is_leaf()) {
    hidden.register_hook([&sections = sections_, index](const at::Tensor& gradient) {
      sections.release_block(index);
      return gradient;
    });
  }
  const auto result = inner_->run(index, block, hidden);
  if (learns && result.requires_grad()) {
    result.register_hook([&sections = sections_, index](const at::Tensor& gradient) {
      sections.need_block(index, index - 1);
      return gradient;
    });
  }
  const bool is_last = index + 1 == sections_.num_blocks();
  if (!learns || !is_last) sections_.release_block(index);  // backward begins with the last one
  return result;
}

}  // namespace nextframe
