#include "trainer/evaluate/probe_targets.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace nextframe {
namespace {

constexpr double kHalfSeen = 0.5, kNothingSeen = 0.001;

/// Columns of one world under the names that they have there.
struct StateNames {
  std::string position, velocity;
};

const std::vector<StateNames>& state_names() {
  static const std::vector<StateNames> names{{"object_position", "object_velocity"},
                                             {"ball_position", "ball_velocity"},
                                             {"square_position", "square_velocity"}};
  return names;
}

bool has_column(const EpisodeSource& source, const std::string& name) {
  if (!source.column_names || !source.read_column) return false;
  return std::ranges::all_of(source.episodes, [&](const auto& episode) {
    const auto names = source.column_names(episode.number);
    return std::ranges::find(names, name) != names.end();
  });
}

/// A column at the probed frames, float64 [R, ...]; undefined if an episode lacks it, or if its
/// sizes differ between episodes.
at::Tensor state_rows(const EpisodeSource& source, const ProbeFrames& frames,
                      const std::string& name) {
  if (!has_column(source, name)) return {};
  std::vector<at::Tensor> parts;
  for (const auto& window : frames.windows) {
    const auto values = source.read_column(source.episodes[window.place].number, name, window.begin,
                                           window.end - window.begin);
    parts.push_back(values.index_select(0, at::tensor(window.rows, at::kLong)).to(at::kDouble));
    if (parts.back().sizes().slice(1) != parts.front().sizes().slice(1)) return {};
  }
  return at::cat(parts);
}

/// The true state at the probed frames, of the first objects.
class ObjectState {
 public:
  ObjectState(const EpisodeSource& source, const ProbeFrames& frames) {
    const auto found = std::ranges::find_if(state_names(), [&](const StateNames& names) {
      position_RK2 = state_rows(source, frames, names.position);
      return position_RK2.defined();
    });
    if (found == state_names().end()) return;
    const int64_t rows = position_RK2.size(0);
    position_RK2 = position_RK2.view({rows, -1, 2});
    all_present_RK = state_rows(source, frames, "object_present");
    const auto all_visible_RK = state_rows(source, frames, "object_visible");
    has_visible = all_visible_RK.defined();
    present_RK = all_present_RK.defined() ? all_present_RK.gt(0)
                                          : at::ones({rows, position_RK2.size(1)}, at::kBool);
    visible_RK = has_visible ? all_visible_RK : at::ones_like(position_RK2.select(2, 0));
    seen_RK = present_RK.logical_and(visible_RK.ge(kHalfSeen));
    velocity_RK2 = state_rows(source, frames, found->velocity);
    if (velocity_RK2.defined()) velocity_RK2 = velocity_RK2.view({rows, -1, 2});
    size_RK2 = state_rows(source, frames, "object_size");
  }

  bool is_there() const { return position_RK2.defined(); }
  int64_t num_probed() const { return std::min(position_RK2.size(1), kMostProbedObjects); }

  at::Tensor position_RK2, velocity_RK2, size_RK2;  // float64
  at::Tensor present_RK, seen_RK, visible_RK;
  at::Tensor all_present_RK;  // undefined without the column
  bool has_visible = false;
};

void add_vector(ProbeTarget& target, const at::Tensor& values_RK2, int64_t k,
                const at::Tensor& rows_R) {
  for (int64_t axis = 0; axis < 2; ++axis) {
    target.columns.push_back({values_RK2.select(1, k).select(1, axis).contiguous(), rows_R});
  }
}

void add_truth(ProbeTarget& target, const at::Tensor& holds_R, const at::Tensor& rows_R) {
  target.columns.push_back({holds_R.to(at::kDouble).mul(2).sub(1), rows_R});
}

std::vector<ProbeTarget> vectors_of(const ObjectState& state) {
  ProbeTarget position{"position", false, {}}, velocity{"velocity", false, {}},
      hidden{"hidden_position", false, {}};
  for (int64_t k = 0; k < state.num_probed(); ++k) {
    const auto seen_R = state.seen_RK.select(1, k).contiguous();
    const auto hidden_R =
        state.present_RK.select(1, k).logical_and(state.visible_RK.select(1, k).lt(kNothingSeen));
    add_vector(position, state.position_RK2, k, seen_R);
    if (state.velocity_RK2.defined()) add_vector(velocity, state.velocity_RK2, k, seen_R);
    if (state.has_visible) add_vector(hidden, state.position_RK2, k, hidden_R);
  }
  return {std::move(position), std::move(velocity), std::move(hidden)};
}

std::vector<ProbeTarget> counts_of(const ObjectState& state) {
  const auto all_R = at::ones({state.position_RK2.size(0)}, at::kBool);
  ProbeTarget count{"count", false, {}}, seen{"seen_count", false, {}};
  if (state.all_present_RK.defined())
    count.columns.push_back({state.all_present_RK.gt(0).sum(1).to(at::kDouble), all_R});
  if (state.has_visible) seen.columns.push_back({state.seen_RK.sum(1).to(at::kDouble), all_R});
  return {std::move(count), std::move(seen)};
}

/// Whether the centre of object i lies inside the box around object j.
at::Tensor is_inside(const ObjectState& state, int64_t i, int64_t j) {
  const auto way_R2 = (state.position_RK2.select(1, i) - state.position_RK2.select(1, j)).abs();
  return way_R2.lt(state.size_RK2.select(1, j) / 2).all(1);
}

std::vector<ProbeTarget> relations_of(const ObjectState& state) {
  ProbeTarget left{"left_of", true, {}}, above{"above", true, {}}, occluded{"occluded", true, {}},
      inside{"inside", true, {}};
  for (int64_t i = 0; i < state.num_probed(); ++i) {
    const auto present_R = state.present_RK.select(1, i).contiguous();
    if (state.has_visible)
      add_truth(occluded, state.visible_RK.select(1, i).lt(kHalfSeen), present_R);
    for (int64_t j = 0; j < state.num_probed(); ++j) {
      if (i == j) continue;
      if (state.size_RK2.defined())
        add_truth(inside, is_inside(state, i, j),
                  present_R.logical_and(state.present_RK.select(1, j)));
      if (i > j) continue;
      const auto both_R = state.seen_RK.select(1, i).logical_and(state.seen_RK.select(1, j));
      const auto way_R2 = state.position_RK2.select(1, j) - state.position_RK2.select(1, i);
      add_truth(left, way_R2.select(1, 0).gt(0), both_R);
      add_truth(above, way_R2.select(1, 1).gt(0), both_R);
    }
  }
  return {std::move(left), std::move(above), std::move(occluded), std::move(inside)};
}

}  // namespace

std::vector<ProbeTarget> probe_targets(const EpisodeSource& source, const ProbeFrames& frames) {
  const ObjectState state(source, frames);
  std::vector<ProbeTarget> targets;
  if (!state.is_there()) return targets;
  for (auto&& some : {vectors_of(state), counts_of(state), relations_of(state)}) {
    targets.insert(targets.end(), some.begin(), some.end());
  }
  std::erase_if(targets, [](const ProbeTarget& target) { return target.columns.empty(); });
  return targets;
}

}  // namespace nextframe
