#include "data/dataset.h"

namespace nextframe {

void DataConfig::fields(FieldVisitor& field) {
  field.free("train", train, "glob of shards to train on; a run pins their fingerprint");
  field.free("validation", validation, "glob of held-out shards; empty for none");
  field("clip_frames", clip_frames, "frames of a clip",
        Range{2, 65536, "a clip predicts its next frames"});
  field("stride_frames", stride_frames, "a clip takes every stride-th stored frame",
        Range{1, 65536});
  field.free("loader_threads", loader_threads,
             "reader threads a rank; 0 reads in the training thread", Range{0, 256});
  field.free("prefetch_grains", prefetch_grains, "grains a rank reads ahead at most",
             Range{1, 65536});
  field("on_corrupt", on_corrupt,
        "a clip that cannot be read stops the run, or is replaced by another one",
        {"fail", "skip"});
}

void DataConfig::check(const Report& report) const {
  if (train.empty()) {
    report("train", "needs a glob of shards, for example 'datasets/NAME/train/*.h5'");
  }
}

}  // namespace nextframe
