// Dreams as numbers, for other programs.
#include <ATen/ATen.h>

#include <algorithm>

#include "trainer/evaluate/dream.h"
#include "trainer/export/npz.h"

namespace nextframe {
namespace {

/// One tensor a dream, stacked; shorter ones are filled up with zeros.
at::Tensor stacked(const std::vector<Dream>& dreams,
                   const std::function<at::Tensor(const Dream&)>& rows_of) {
  int64_t longest = 0;
  for (const auto& dream : dreams) longest = std::max(longest, rows_of(dream).size(0));
  std::vector<at::Tensor> filled;
  for (const auto& dream : dreams) {
    const auto rows = rows_of(dream);
    auto sizes = rows.sizes().vec();
    sizes[0] = longest - rows.size(0);
    filled.push_back(at::cat({rows, at::zeros(sizes, rows.options())}));
  }
  return at::stack(filled);
}

/// Actions as they are stored in the data.
at::Tensor unscaled(const at::Tensor& actions_TA, const ActionScale& scale) {
  if (scale.is_empty() || actions_TA.size(1) == 0) return actions_TA;
  const auto times = actions_TA.size(1) / static_cast<int64_t>(scale.centre.size());
  const auto row = [&](const std::vector<double>& numbers) {
    return at::tensor(numbers, at::kDouble).repeat({times});
  };
  return (actions_TA.to(at::kDouble) * row(scale.scale) + row(scale.centre)).to(at::kFloat);
}

}  // namespace

std::string encode_dreams(const std::vector<Dream>& dreams, const ActionScale& scale) {
  std::vector<int64_t> episodes, num_frames;
  for (const auto& dream : dreams) {
    episodes.push_back(dream.episode);
    num_frames.push_back(dream.dreamed_THWC.size(0));
  }
  const int64_t context = dreams.front().context_frames;
  std::vector<std::pair<std::string, at::Tensor>> arrays = {
      {"frames", stacked(dreams, [](const Dream& dream) { return dream.dreamed_THWC; })},
      {"episodes", at::tensor(episodes)},
      {"context_frames", at::scalar_tensor(context, at::kLong)},
      {"num_frames", at::tensor(num_frames)},
      {"context",
       stacked(dreams, [&](const Dream& dream) { return dream.truth_THWC.slice(0, 0, context); })},
      {"truth", stacked(dreams, [&](const Dream& dream) {
         return dream.truth_THWC.slice(0, context, dream.truth_THWC.size(0) - dream.frames_after);
       })}};
  if (dreams.front().frames_after > 0) {
    arrays.emplace_back("after", stacked(dreams, [](const Dream& dream) {
                          return dream.truth_THWC.slice(0, -dream.frames_after);
                        }));
  }
  if (dreams.front().actions_TA.defined()) {
    arrays.emplace_back("actions", stacked(dreams, [&](const Dream& dream) {
                          return unscaled(dream.actions_TA, scale);
                        }));
  }
  return encode_npz(arrays);
}

}  // namespace nextframe
