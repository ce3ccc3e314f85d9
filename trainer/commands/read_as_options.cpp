#include "trainer/commands/read_as_options.h"

#include "trainer/config/value.h"

namespace nextframe {

std::shared_ptr<ReadAs> add_read_as_options(CLI::App& app) {
  const auto read_as = std::make_shared<ReadAs>();
  app.add_option("--layout", read_as->layout,
                 "whose HDF5 files they are; auto finds it by what is in them")
      ->capture_default_str()
      ->check(CLI::IsMember(layout_names()));
  app.add_option("--frames-key", read_as->frames,
                 "dataset of the frames, where there are several: obs/agentview_image");
  app.add_option("--actions-key", read_as->actions,
                 "dataset of the actions, where the layout's own is not meant; none: no actions");
  app.add_option(
         "--action-alignment", read_as->alignment,
         "after: the action in row t is taken at frame t; before: it led to frame t; auto: as "
         "the layout and the file say")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "after", "before"}));
  app.add_option("--split", read_as->split,
                 "the episodes of one split, of files that list some; else all");
  return read_as;
}

std::string read_as_lines(const ReadAs& read_as) {
  std::string text, columns;
  if (read_as.layout != "auto") text += "  layout: " + read_as.layout + "\n";
  const auto add = [&](const char* key, const std::string& value) {
    if (!value.empty()) columns += std::string("    ") + key + ": " + written(value) + "\n";
  };
  add("frames", read_as.frames);
  add("actions", read_as.actions);
  add("alignment", read_as.alignment == "auto" ? "" : read_as.alignment);
  if (!columns.empty()) text += "  columns:\n" + columns;
  if (!read_as.split.empty()) text += "  train_split: " + written(read_as.split) + "\n";
  return text;
}

}  // namespace nextframe
