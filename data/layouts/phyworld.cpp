// phyworld: PhyWorld's simulated videos, each of them a file (mp4) in one row of `video_streams`.
// Single frames of a video cannot be read, so these are imported (data/import/hdf5_videos.cpp).
#include "data/layouts/layout.h"

namespace nextframe {
namespace {

EpisodeTable refuse_phyworld(const H5File& file, const ReadAs&) {
  throw DataError(
      "holds videos ('video_streams'), of which single frames cannot be read; make shards "
      "of it with `nextframe data import " +
      h5_path(file).string() + " --out DIR` and train on those");
}

}  // namespace
}  // namespace nextframe

NF_REGISTER_LAYOUT(phyworld,
                   {"PhyWorld's videos, which have to be imported", "'video_streams' in its root",
                    [](const nextframe::H5File& file) {
                      return nextframe::h5_has(file, "video_streams");
                    },
                    nextframe::refuse_phyworld})
