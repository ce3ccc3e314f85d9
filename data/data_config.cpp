#include "data/dataset.h"

namespace nextframe {

void DataConfig::fields(FieldVisitor& field) {
  field.free("train", train, "glob of shards to train on; a run pins their fingerprint");
  field.free("validation", validation, "glob of held-out shards; empty for none");
  field("clip_frames", clip_frames, "frames of a clip");
  field("stride_frames", stride_frames, "a clip takes every stride-th stored frame");
  field.free("loader_threads", loader_threads,
             "reader threads a rank; 0 reads in the training thread");
  field.free("prefetch_grains", prefetch_grains, "grains a rank reads ahead at most");
  field("on_corrupt", on_corrupt,
        "a clip that cannot be read stops the run, or is replaced by another one",
        {"fail", "skip"});
}

void DataConfig::check(const Report& report) const {
  if (train.empty()) {
    report("train", "needs a glob of shards, for example 'datasets/NAME/train/*.h5'");
  }
  if (clip_frames < 2) report("clip_frames", "must be 2 or more: a clip predicts its next frames");
  if (stride_frames < 1) report("stride_frames", "must be 1 or more");
  if (loader_threads < 0) report("loader_threads", "must be 0 or more");
  if (prefetch_grains < 1) report("prefetch_grains", "must be 1 or more");
}

}  // namespace nextframe
