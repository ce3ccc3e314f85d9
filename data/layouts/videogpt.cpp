// videogpt: videos without actions, end to end in `train_data` and `test_data` [N, H, W, C], with
// the first frame of each in `train_idx` and `test_idx` (the HDF5Dataset of VideoGPT's data.py).
#include <ATen/ATen.h>
#include <c10/util/StringUtil.h>

#include "data/column.h"
#include "data/h5_group.h"
#include "data/layouts/layout.h"

namespace nextframe {
namespace {

constexpr const char* kVideoSplits[] = {"train", "test"};

bool has_video_split(const H5File& file, const std::string& split) {
  return h5_has(file, split + "_data") && h5_has(file, split + "_idx");
}

std::vector<int64_t> first_frames(const H5File& file, const std::string& name, int64_t frames) {
  const auto check = [&](const std::vector<int64_t>& shape, const ElementType& type) {
    if (shape.size() == 1 && type.kind == ElementType::Kind::integer) return;
    throw DataError(c10::str("column '", name, "' is ", type.name, " [", c10::Join(", ", shape),
                             "]; needed: the first frame of each video, integers [E]"));
  };
  const at::Tensor values = read_typed_column(file, name, check).values;
  const auto* begin = values.const_data_ptr<int64_t>();
  std::vector<int64_t> first(begin, begin + values.numel());
  for (size_t i = 0; i < first.size(); ++i) {
    const int64_t least = i == 0 ? 0 : first[i - 1] + 1;
    if (first[i] >= least && first[i] < frames) continue;
    throw DataError(c10::str("column '", name, "' has ", first[i], " as the first frame of video ",
                             i, ", of ", frames, " frames; needed: ascending, all below ", frames));
  }
  return first;
}

void add_video_split(const H5File& file, const std::string& split, int64_t& rows,
                     EpisodeTable& table) {
  const auto data = split + "_data";
  const auto shape = look_at_dataset(file, data).shape;
  const int64_t frames = shape.empty() ? 0 : shape[0];
  const auto first = first_frames(file, split + "_idx", frames);
  for (size_t i = 0; i < first.size(); ++i) {
    table.episode_offsets.push_back(rows + first[i]);
    table.episode_frames.push_back((i + 1 < first.size() ? first[i + 1] : frames) - first[i]);
  }
  table.frames.datasets.push_back(data);
  rows += frames;
}

EpisodeTable read_videogpt(const H5File& file, const ReadAs& read_as) {
  if (!read_as.frames.empty() || (!read_as.actions.empty() && read_as.actions != "none")) {
    throw DataError(
        "has its frames in 'train_data' and 'test_data', and no actions; leave "
        "data.columns.frames and data.columns.actions out");
  }
  EpisodeTable table;
  int64_t rows = 0;
  std::string there;
  for (const std::string split : kVideoSplits) {
    if (!has_video_split(file, split)) continue;
    there += (there.empty() ? "" : ", ") + split;
    if (read_as.split.empty() || read_as.split == split) add_video_split(file, split, rows, table);
  }
  if (table.frames.datasets.empty()) {
    throw DataError("has no split '" + read_as.split + "'; there are: " + there);
  }
  if (table.episode_frames.empty()) throw DataError("its lists of videos are empty");
  table.frames.name = c10::Join(" and ", table.frames.datasets);
  if (!read_as.split.empty()) {
    table.notes.push_back("the split '" + read_as.split + "'");
  } else if (table.frames.datasets.size() > 1) {
    table.notes.push_back("all splits (" + there +
                          "): data.train_split and data.validation_split choose one");
  }
  return table;
}

}  // namespace
}  // namespace nextframe

NF_REGISTER_LAYOUT(videogpt, {"VideoGPT's files of videos, without actions",
                              "'train_data' and 'train_idx', or 'test_data' and 'test_idx', in its "
                              "root",
                              [](const nextframe::H5File& file) {
                                return nextframe::has_video_split(file, "train") ||
                                       nextframe::has_video_split(file, "test");
                              },
                              nextframe::read_videogpt})
