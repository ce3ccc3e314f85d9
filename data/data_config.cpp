#include "data/dataset.h"

namespace nextframe {

void DataConfig::fields(FieldVisitor& field) {
  field.free("train", train,
             "glob of the HDF5 files to train on; the run recognises them by their content");
  field.free("validation", validation,
             "glob of the held-out HDF5 files to evaluate on; empty for none");
  field("clip_frames", clip_frames, "frames per clip, the sequence that the model is trained on",
        Range{2, 65536, "a clip predicts its next frames"});
  field("stride_frames", stride_frames, "a clip takes every n-th stored frame; 1 takes all",
        Range{1, 65536});
  field.free("loader_threads", loader_threads,
             "threads per rank that read clips ahead; 0 reads in the training thread",
             Range{0, 256});
  field.free("prefetch_grains", prefetch_grains,
             "number of micro-batches that a rank reads ahead at most", Range{1, 65536});
  field("on_corrupt", on_corrupt,
        "what to do about a clip that cannot be read: fail ends the run, skip trains on "
        "another clip instead",
        {"fail", "skip"});
  field("normalize_actions", normalize_actions,
        "standardise actions that are numbers, column by column, by the median and the usual range "
        "of the training set; choices and buttons stay as they are");
}

void DataConfig::check(const Report& report) const {
  if (train.empty()) {
    report("train", "needs a glob of shards, for example 'datasets/NAME/train/*.h5'");
  }
}

}  // namespace nextframe
