// robomimic, and what writes like it (MimicGen, robosuite's collectors): `data/demo_*` with
// `obs/<camera>` uint8 [T, H, W, C] and `actions` [T, A], which are taken at their frames, and
// splits in `mask/*` (robomimic's documentation of its datasets).
#include "data/layouts/demo_groups.h"

NF_REGISTER_LAYOUT(robomimic,
                   {"robomimic's and MimicGen's demonstrations",
                    "a group 'data' with a group a demonstration: data/demo_0/obs/agentview_image, "
                    "data/demo_0/actions",
                    [](const nextframe::H5File& file) {
                      return nextframe::has_demos(file) &&
                             !nextframe::has_camera_named(file, "_rgb");
                    },
                    nextframe::read_demos})
