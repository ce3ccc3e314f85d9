// tinyworlds: one long video without actions, `frames` [T, H, W, C] (TinyWorlds' datasets.py).
#include "data/h5_group.h"
#include "data/layouts/layout.h"

namespace nextframe {
namespace {

EpisodeTable read_tinyworlds(const H5File& file, const ReadAs& read_as) {
  require_no_split(read_as);
  EpisodeTable table;
  const std::string name = read_as.frames.empty() ? "frames" : read_as.frames;
  table.frames = {name, {name}, SpreadColumn::By::episode};
  table.form.is_encoded = choose_frames(file, "", name, "").is_encoded;
  if (!read_as.actions.empty() && read_as.actions != "none") {
    table.actions = {read_as.actions, {read_as.actions}};
  }
  return table;
}

}  // namespace
}  // namespace nextframe

NF_REGISTER_LAYOUT(tinyworlds, {"TinyWorlds' videos, each of them one episode without actions",
                                "'frames' in its root",
                                [](const nextframe::H5File& file) {
                                  return nextframe::h5_kind(file, "frames") ==
                                             nextframe::H5Kind::dataset &&
                                         !nextframe::h5_has(file, "ep_len") &&
                                         !nextframe::h5_has(file, "pixels");
                                },
                                nextframe::read_tinyworlds})
