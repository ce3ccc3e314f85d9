// libero: robomimic's groups with cameras named `*_rgb`, as OpenGL renders them: upside down.
//
// LIBERO's own script takes a step and stores the image after it beside the action of that step,
// and it leaves the attribute `macros_image_convention` in the group `data` (its
// create_dataset.py). So there an action led to its frame. Files that others have rendered again
// (OpenVLA's regenerated LIBERO) lack that attribute and store the image before the step, as
// robomimic does.
#include "data/layouts/demo_groups.h"

namespace nextframe {
namespace {

EpisodeTable read_libero(const H5File& file, const ReadAs& read_as) {
  auto table = read_demos(file, read_as);
  const auto convention = read_text_attribute(file, "macros_image_convention", "data");
  table.form.is_upside_down = convention.value_or("opengl") != "opencv";
  if (table.form.is_upside_down) {
    table.notes.insert(table.notes.begin(), "frames are stored upside down and turned upright");
  }
  if (convention) {
    table.alignment = ActionAlignment::before;
    table.notes.push_back("LIBERO's writer stores each frame with the action before it");
  }
  return table;
}

}  // namespace
}  // namespace nextframe

NF_REGISTER_LAYOUT(libero, {"LIBERO's demonstrations",
                            "a group 'data' with a group a demonstration, and cameras named *_rgb: "
                            "data/demo_0/obs/agentview_rgb",
                            [](const nextframe::H5File& file) {
                              return nextframe::has_camera_named(file, "_rgb");
                            },
                            nextframe::read_libero})
