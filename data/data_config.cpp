#include "data/dataset.h"

namespace nextframe {

void DataConfig::fields(FieldVisitor& field) {
  field.free("train", train,
             "glob of the HDF5 files to train on; the run recognises them by their content");
  field.free("validation", validation,
             "glob of the held-out HDF5 files to evaluate on; empty for none");
  field("layout", read_as.layout,
        "whose HDF5 files they are; auto finds it by what is in them (docs/add-a-dataset.md)",
        layout_names());
  field("columns.frames", read_as.frames,
        "which dataset of a file holds the frames, where there are several, for example "
        "obs/agentview_image; empty: the only one, or pixels");
  field(
      "columns.actions", read_as.actions,
      "which dataset holds the actions, for example actions/arm; none: there are none; empty: the "
      "layout's own");
  field("columns.alignment", read_as.alignment,
        "auto: as the layout and the file say; after: the action in row t is taken at frame t; "
        "before: it led to frame t, and is moved by a row",
        {"auto", "after", "before"});
  field(
      "train_split", train_split,
      "the split to train on, of files that list some (robomimic's mask/train, VideoGPT's train); "
      "empty: all episodes");
  field("validation_split", validation_split, "the held-out split of such files");
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
  const bool is_same_set = !train.empty() && train == validation && train_split == validation_split;
  if (is_same_set && !train_split.empty()) {
    report("validation_split", "is the split of the same files that is trained on; name another");
  }
  if (train == validation && !validation_split.empty() && train_split.empty()) {
    report("train_split",
           "is needed: all episodes of the same files would be trained on, the held-out ones too");
  }
  if (!train.empty() && train == validation && !train_split.empty() && validation_split.empty()) {
    report("validation_split",
           "is needed: all episodes of the same files would be held out, those trained on too");
  }
}

ReadAs DataConfig::train_as() const {
  auto as = read_as;
  as.split = train_split;
  return as;
}

ReadAs DataConfig::validation_as() const {
  auto as = read_as;
  as.split = validation_split;
  return as;
}

}  // namespace nextframe
