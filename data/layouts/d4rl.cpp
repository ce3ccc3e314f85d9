// d4rl: all episodes in flat arrays, `observations` [N, H, W, C] and `actions` [N, A], which are
// taken at their frames. An episode ends where `terminals` or `timeouts` is true (D4RL's
// documentation of its datasets).
#include <ATen/ATen.h>
#include <c10/util/StringUtil.h>

#include "data/column.h"
#include "data/h5_group.h"
#include "data/layouts/layout.h"

namespace nextframe {
namespace {

constexpr const char* kEnds[] = {"terminals", "timeouts"};

bool fits_d4rl(const H5File& file) {
  return h5_kind(file, "observations") != H5Kind::nothing &&
         (h5_has(file, kEnds[0]) || h5_has(file, kEnds[1])) && !h5_has(file, "ep_len") &&
         !h5_has(file, "pixels");
}

/// True in the last row of each episode, [rows].
at::Tensor ends_of_episodes(const H5File& file, int64_t rows) {
  at::Tensor ends = at::zeros({rows}, at::kBool);
  for (const char* name : kEnds) {
    if (!h5_has(file, name)) continue;
    const auto check = [&](const std::vector<int64_t>& shape, const ElementType& type) {
      const bool is_list = shape.size() == 1 || (shape.size() == 2 && shape[1] == 1);
      if (is_list && shape[0] == rows && (type.is_number() || type.is_boolean())) return;
      throw DataError(c10::str("column '", name, "' is ", type.name, " [", c10::Join(", ", shape),
                               "] for ", rows, " frames; needed: a boolean a frame"));
    };
    ends.logical_or_(read_typed_column(file, name, check).values.flatten().ne(0));
  }
  return ends;
}

EpisodeTable read_d4rl(const H5File& file, const ReadAs& read_as) {
  require_no_split(read_as);
  const bool is_path = !read_as.frames.empty() && h5_kind(file, read_as.frames) == H5Kind::dataset;
  const std::string base = is_path ? read_as.frames : "observations";
  const auto found = choose_frames(file, "", base, is_path ? "" : read_as.frames);
  EpisodeTable table;
  table.frames.name = h5_join(base, found.path);
  table.frames.datasets = {table.frames.name};
  table.form.is_encoded = found.is_encoded;
  if (read_as.actions != "none") {
    const auto name = read_as.actions.empty() ? "actions" : read_as.actions;
    table.actions = {name, {name}};
  }
  const auto shape = look_at_dataset(file, table.frames.name).shape;
  const at::Tensor ends = ends_of_episodes(file, shape.empty() ? 0 : shape[0]);
  int64_t first = 0;
  for (int64_t row = 0; row < ends.numel(); ++row) {
    if (!ends.const_data_ptr<bool>()[row] && row + 1 < ends.numel()) continue;
    table.episode_offsets.push_back(first);
    table.episode_frames.push_back(row + 1 - first);
    first = row + 1;
  }
  if (table.episode_frames.empty()) throw DataError("'" + table.frames.name + "' has no frames");
  return table;
}

}  // namespace
}  // namespace nextframe

NF_REGISTER_LAYOUT(d4rl, {"flat arrays, as D4RL stores them",
                          "'observations', 'actions', and 'terminals' or 'timeouts' in its root",
                          nextframe::fits_d4rl, nextframe::read_d4rl})
