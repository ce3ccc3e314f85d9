#include "data/dataset.h"

namespace nextframe {

void DataConfig::fields(FieldVisitor& field) {
  field.free("train", train, "glob of the shards to train on");
  field.free("validation", validation, "glob of the held-out shards");
  field("clip_frames", clip_frames, "frames a clip (T)");
  field("stride_frames", stride_frames, "a clip takes every stride-th frame");
  field.free("loader_threads", loader_threads,
             "reader threads a rank; 0 reads in the training thread");
  field.free("prefetch_grains", prefetch_grains, "grains read ahead at most");
  field("on_corrupt", on_corrupt, "what a damaged clip does: end the run, or be replaced",
        {"fail", "skip"});
}

void DataConfig::check(const Report& report) const {
  if (train.empty()) report("train", "is needed: a glob of shards, for example 'data/train/*.h5'");
  if (clip_frames < 2) report("clip_frames", "must be 2 or more: a context and a next frame");
  if (stride_frames < 1) report("stride_frames", "must be 1 or more");
  if (loader_threads < 0) report("loader_threads", "must be 0 or more");
  if (prefetch_grains < 1) report("prefetch_grains", "must be 1 or more");
}

}  // namespace nextframe
