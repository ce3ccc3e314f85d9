// csgo: the Counter-Strike recordings that DIAMOND was trained on. Each file is one episode, and
// each frame has datasets of its own: `frame_0_x` uint8 [H, W, 3] in the order blue, green, red,
// and `frame_0_y` [51], what is pressed at that frame: 11 keys, 2 mouse buttons, and the mouse's
// movement as one of 23 and one of 15 (Pearce and Zhu 2021, arXiv 2104.04258, and its README).
#include <c10/util/StringUtil.h>

#include "data/h5_group.h"
#include "data/layouts/layout.h"

namespace nextframe {
namespace {

constexpr int64_t kCsgoActions = 51;

std::string csgo_dataset(size_t frame, const char* what) {
  return c10::str("frame_", frame, "_", what);
}

EpisodeTable read_csgo(const H5File& file, const ReadAs& read_as) {
  require_no_split(read_as);
  EpisodeTable table;
  const std::string pictures = "frame_0_x", presses = "frame_0_y";
  if (!read_as.frames.empty() && read_as.frames != pictures) {
    throw DataError("has its frames in '" + pictures +
                    "' and so on; leave data.columns.frames out");
  }
  size_t num_frames = 0;
  for (const auto& name : h5_names_in(file, "")) {
    if (name.starts_with("frame_") && name.ends_with("_x")) ++num_frames;
  }
  table.frames = {pictures, {}, SpreadColumn::By::frame};
  for (size_t i = 0; i < num_frames; ++i) table.frames.datasets.push_back(csgo_dataset(i, "x"));
  table.form.is_bgr = true;
  table.episode_frames = {static_cast<int64_t>(num_frames)};
  table.episode_offsets = {0};
  table.notes.emplace_back("blue and red exchanged");
  if (read_as.actions == "none") return table;
  if (!read_as.actions.empty() && read_as.actions != presses) {
    throw DataError("has its actions in '" + presses +
                    "' and so on; leave data.columns.actions out");
  }
  table.actions = {presses, {}, SpreadColumn::By::frame};
  for (size_t i = 0; i < num_frames; ++i) table.actions.datasets.push_back(csgo_dataset(i, "y"));
  table.action_space = ActionSpace{ActionSpace::Kind::multi_binary, kCsgoActions, {}};
  return table;
}

}  // namespace
}  // namespace nextframe

NF_REGISTER_LAYOUT(csgo, {"the Counter-Strike recordings of DIAMOND, one dataset a frame",
                          "'frame_0_x', 'frame_0_y', 'frame_1_x' ... in its root",
                          [](const nextframe::H5File& file) {
                            return nextframe::h5_has(file, "frame_0_x");
                          },
                          nextframe::read_csgo})
