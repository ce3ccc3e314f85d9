// stable_worldmodel: our own shards, and files of stable-worldmodel and others that hold `pixels`
// [T, H, W, C] with the episodes' lengths and first rows in `ep_len` and `ep_offset`.
#include "data/layouts/layout.h"

namespace nextframe {
namespace {

/// `action`, or `actions` as robomimic, D4RL and Minari call it; "" for neither.
std::string usual_actions(const H5File& file) {
  const bool has_action = h5_has(file, "action"), has_actions = h5_has(file, "actions");
  if (has_action && has_actions) {
    throw DataError(
        "has a column 'action' and a column 'actions'; leave one of them out, or choose "
        "one with data.columns.actions");
  }
  return has_action ? "action" : has_actions ? "actions" : "";
}

EpisodeTable read_stable_worldmodel(const H5File& file, const ReadAs& read_as) {
  require_no_split(read_as);
  EpisodeTable table;
  table.frames.name = read_as.frames.empty() ? "pixels" : read_as.frames;
  if (!h5_has(file, table.frames.name)) {
    std::string columns;
    size_t listed = 0;
    for (const auto& name : h5_names(file)) {
      if (++listed <= 20) columns += " " + name;
    }
    if (listed > 20) columns += " and " + std::to_string(listed - 20) + " more";
    throw DataError("has no column '" + table.frames.name + "' (columns:" + columns +
                    "); needed: pixels uint8 [T, H, W, C], ep_len [E], ep_offset [E]");
  }
  table.frames.datasets = {table.frames.name};
  if (read_as.actions == "none") {
    table.action_space = ActionSpace{};
  } else if (!read_as.actions.empty()) {
    table.actions = {read_as.actions, {read_as.actions}};
  } else if (const auto name = usual_actions(file); !name.empty()) {
    table.actions = {name, {name}};
  }
  return table;
}

}  // namespace
}  // namespace nextframe

NF_REGISTER_LAYOUT(stable_worldmodel, {"nextframe's own shards, and stable-worldmodel's files",
                                       "'pixels', 'ep_len' and 'ep_offset' in its root",
                                       [](const nextframe::H5File& file) {
                                         return nextframe::h5_has(file, "pixels") ||
                                                nextframe::h5_has(file, "ep_len");
                                       },
                                       nextframe::read_stable_worldmodel})
