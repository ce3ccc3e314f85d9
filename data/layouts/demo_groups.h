// What robomimic and the formats after it share: a group `data` with one group a demonstration.
#pragma once

#include "data/layouts/layout.h"

namespace nextframe {

/// Whether the file has `data/demo_0` or another demonstration with a group `obs`.
bool has_demos(const H5File& file);

/// The paths of the demonstrations in natural order: "data/demo_2" before "data/demo_10". Those of
/// `split` alone where one is named, as `mask/<split>` lists them. Throws DataError.
std::vector<std::string> demos_of(const H5File& file, const std::string& split);

/// Whether a camera of the first demonstration has a name that ends so: "_rgb".
bool has_camera_named(const H5File& file, const std::string& ending);

/// Frames are `obs/<camera>` of every demonstration, actions `actions`.
EpisodeTable read_demos(const H5File& file, const ReadAs& read_as);

}  // namespace nextframe
