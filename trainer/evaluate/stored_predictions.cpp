#include "trainer/evaluate/stored_predictions.h"

#include <ATen/ATen.h>

#include <set>

#include "data/error.h"
#include "data/import/npy.h"
#include "data/import/zip_file.h"

namespace nextframe {
namespace {

/// frames, episodes and context_frames are read; `rollout --out FILE.npz` writes the others, too.
const std::set<std::string> kKnownArrays = {"frames.npy",     "episodes.npy", "context_frames.npy",
                                            "num_frames.npy", "context.npy",  "truth.npy",
                                            "actions.npy"};

std::string sizes_text(const std::vector<int64_t>& sizes) {
  return c10::str("[", c10::Join(", ", sizes), "]");
}

/// The array `name` as integers, or float32.
at::Tensor read_array(const ZipFile& file, const std::string& name) {
  auto stream = file.open(name + ".npy");
  const auto header = read_npy_header(stream);
  return read_npy(stream, header);
}

}  // namespace

StoredPredictions::StoredPredictions(const std::filesystem::path& npz) {
  const auto wrong = [&](const std::string& what) { throw DataError(npz.string() + ": " + what); };
  try {
    const ZipFile file(npz);
    for (const auto& name : file.names()) {
      if (!kKnownArrays.contains(name))
        wrong("has an array '" + name.substr(0, name.rfind('.')) +
              "'; frames, episodes and context_frames are understood");
    }
    if (!file.has("frames.npy")) wrong("has no array 'frames' of predicted frames [N, T, H, W, C]");
    auto stream = file.open("frames.npy");
    const auto header = read_npy_header(stream);
    if (header.shape.size() != 5)
      wrong("frames are " + sizes_text(header.shape) + ", not [N, T, H, W, C]");
    auto frames = read_npy(stream, header);
    if (frames.numel() == 0) wrong("has no frames");
    if (frames.is_floating_point()) {
      if (!frames.isfinite().all().item<bool>()) wrong("frames have values that are not finite");
      const auto [low, high] = frames.aminmax();
      if (!(low.item<float>() >= -0.01F && high.item<float>() <= 1.01F))
        wrong("frames of floating numbers lie in [0, 1]; these go from " +
              std::to_string(low.item<float>()) + " to " + std::to_string(high.item<float>()));
      frames_NTHWC_ = frames.clamp(0, 1);
    } else {
      if (frames.min().item<int64_t>() < 0 || frames.max().item<int64_t>() > 255)
        wrong("frames of integers lie in 0 .. 255");
      frames_NTHWC_ = frames.to(at::kFloat).div_(255);
    }
    const int64_t rows = frames_NTHWC_.size(0);
    auto episodes = file.has("episodes.npy") ? read_array(file, "episodes") : at::arange(rows);
    if (episodes.is_floating_point() || episodes.dim() != 1 || episodes.size(0) != rows)
      wrong("episodes are " + sizes_text(episodes.sizes().vec()) +
            (episodes.is_floating_point() ? " floating numbers" : " integers") + "; needed: [" +
            std::to_string(rows) + "] integers, one for each row of frames");
    for (int64_t row = 0; row < rows; ++row) {
      episodes_.push_back(episodes[row].item<int64_t>());
      if (!row_of_episode_.emplace(episodes_.back(), row).second)
        wrong("episode " + std::to_string(episodes_.back()) + " is there twice");
    }
    if (file.has("context_frames.npy")) {
      const auto context = read_array(file, "context_frames");
      if (context.numel() != 1 || context.is_floating_point())
        wrong("context_frames is one integer, the number of true frames that were known");
      context_frames_ = context.item<int64_t>();
      if (context_frames_ < 1) wrong("context_frames must be 1 or more");
    }
  } catch (const DataError& error) {
    const std::string text = error.what();
    if (text.find(npz.string()) != std::string::npos) throw;
    throw DataError(npz.string() + ": " + text);
  }
}

LossTerms StoredPredictions::loss(const Batch&, const at::Tensor&) {
  TORCH_CHECK(false, "stored predictions are not trained");
}

at::Tensor StoredPredictions::one_step(const at::Tensor&, const at::Tensor&,
                                       const RolloutOptions&) {
  TORCH_CHECK(false, "stored predictions are of dreams, not of single steps");
}

at::Tensor StoredPredictions::rollout(const at::Tensor& context_BTHWC,
                                      const at::Tensor& actions_BTA,
                                      const RolloutOptions& options) {
  const int64_t context = context_BTHWC.size(1), wanted = actions_BTA.size(1) - context + 1;
  TORCH_CHECK(context == context_frames_ && wanted <= num_frames(), "stored predictions: ", wanted,
              " frames after ", context, " are asked for; there are ", num_frames(), " after ",
              context_frames_);
  std::vector<at::Tensor> rows;
  for (int64_t row = 0; row < context_BTHWC.size(0); ++row) {
    const auto found = row_of_episode_.find(options.sample_ids_B[row].item<int64_t>());
    TORCH_CHECK(found != row_of_episode_.end(), "stored predictions: an episode is missing");
    rows.push_back(frames_NTHWC_[found->second].slice(0, 0, wanted));
  }
  return at::stack(rows);
}

}  // namespace nextframe
