// Frames that another program has predicted, as a model: so that it is scored by the same code.
#pragma once

#include <filesystem>
#include <map>
#include <vector>

#include "model/world_model.h"

namespace nextframe {

/// Reads an .npz of
///   frames          [N, T, H, W, C], uint8, or floating numbers in [0, 1]: T dreamed frames each
///   episodes        [N], numbers of the episodes in the held-out data; 0 .. N-1 if it is missing
///   context_frames  how many true frames were known: dreamed frame 0 is frame context_frames of
///                   its episode; 8 if it is missing
/// Throws DataError, which names the file and what is wrong with it.
class StoredPredictions final : public WorldModel {
 public:
  explicit StoredPredictions(const std::filesystem::path& npz);

  const std::vector<int64_t>& episodes() const { return episodes_; }
  int64_t context_frames() const { return context_frames_; }
  int64_t num_frames() const { return frames_NTHWC_.size(1); }
  /// [T, H, W, C] float32 in [0, 1].
  at::Tensor frames_of(int64_t episode) const { return frames_NTHWC_[row_of_episode_.at(episode)]; }
  /// [H, W, C]
  std::vector<int64_t> frame_shape() const { return frames_NTHWC_.sizes().slice(2).vec(); }

  bool can_step() const override { return false; }
  LossTerms loss(const Batch&, const at::Tensor&) override;
  at::Tensor one_step(const at::Tensor&, const at::Tensor&, const RolloutOptions&) override;

  /// The frames of the episodes that options.sample_ids_B names, after their own context.
  at::Tensor rollout(const at::Tensor& context_BTHWC, const at::Tensor& actions_BTA,
                     const RolloutOptions& options) override;

 private:
  at::Tensor frames_NTHWC_;
  std::vector<int64_t> episodes_;
  std::map<int64_t, int64_t> row_of_episode_;
  int64_t context_frames_ = 8;
};

}  // namespace nextframe
