#include "data/grain_reader.h"

#include <c10/util/Exception.h>

#include <algorithm>

#include "data/error.h"

namespace nextframe {
namespace {

constexpr int64_t kMaxReplacements = 16;     // of one clip; more means that the data set is lost
constexpr int64_t kMaxEpochsAhead = 100000;  // that a clip is looked for which is not set aside

}  // namespace

GrainReader::GrainReader(const Dataset& dataset, Sampler sampler, const LoaderOptions& options)
    : dataset_(dataset),
      sampler_(sampler),
      set_aside_(options.set_aside),
      global_batch_(options.global_batch),
      grain_clips_(options.grains > 0 ? options.global_batch / options.grains : 0),
      first_grain_(options.first_grain),
      owned_grains_((options.last_grain - options.first_grain + options.grain_stride - 1) /
                    std::max<int64_t>(options.grain_stride, 1)),
      grain_stride_(options.grain_stride),
      first_step_(options.first_step),
      may_skip_(options.on_corrupt == "skip") {
  TORCH_CHECK(grain_clips_ > 0 && grain_clips_ * options.grains == global_batch_,
              "loader: ", options.grains, " grains must divide the global batch of ", global_batch_,
              " clips");
  TORCH_CHECK(first_grain_ >= 0 && owned_grains_ > 0 && options.last_grain <= options.grains,
              "loader: grains [", first_grain_, ", ", options.last_grain, ") are not in [0, ",
              options.grains, ")");
  TORCH_CHECK(grain_stride_ > 0, "loader: every ", grain_stride_, " grains, must be 1 or more");
  TORCH_CHECK(sampler.num_clips() == dataset.num_clips(), "loader: the sampler orders ",
              sampler.num_clips(), " clips, the dataset has ", dataset.num_clips());
}

std::vector<std::string> GrainReader::read(int64_t number, Batch& batch,
                                           const std::function<bool()>& stopped) const {
  const int64_t step = first_step_ + number / owned_grains_;
  const int64_t grain = first_grain_ + number % owned_grains_ * grain_stride_;
  const int64_t first_slot = step * global_batch_ + grain * grain_clips_;
  std::vector<std::string> errors;
  for (int64_t row = 0; row < grain_clips_ && !stopped(); ++row) {
    read_slot(first_slot + row, batch, row, errors);
  }
  return errors;
}

/// A replacement is the clip at the same position of a later epoch: known to every rank unasked.
void GrainReader::read_slot(int64_t slot, Batch& batch, int64_t row,
                            std::vector<std::string>& errors) const {
  int64_t num_damaged = 0;
  for (int64_t ahead = 0; ahead < kMaxEpochsAhead; ++ahead) {
    const int64_t clip = sampler_.clip_at(slot, ahead);
    if (set_aside_.contains(clip, slot)) continue;
    try {
      return dataset_.read_clip(clip, batch, row);
    } catch (const DataChanged&) {
      throw;
    } catch (const DataError& error) {
      if (!may_skip_) throw DataError(error.what() + std::string(", or set data.on_corrupt: skip"));
      if (++num_damaged > kMaxReplacements) {
        throw DataError(
            c10::str("loader: ", num_damaged, " clips in a row cannot be read, which is ",
                     "more than data.on_corrupt: skip replaces; the last one: ", error.what()));
      }
      errors.emplace_back(error.what());
    }
  }
  throw DataError(c10::str("loader: ", set_aside_.size(), " of ", sampler_.num_clips(),
                           " clips are set aside after steps that went wrong; too few are left. ",
                           "See whether the data has absurd numbers, or lower optimizer.lr."));
}

}  // namespace nextframe
