#include "trainer/evaluate/held_out_data.h"

#include <algorithm>

#include "data/error.h"
#include "trainer/evaluate/evaluate.h"

namespace nextframe {
namespace {

const char* name_of(ActionSpace::Kind kind) {
  if (kind == ActionSpace::Kind::none) return "no actions";
  if (kind == ActionSpace::Kind::multi_binary) return "buttons";
  return kind == ActionSpace::Kind::discrete ? "discrete actions" : "actions of numbers";
}

bool is_alike(const ClipShape& a, const ClipShape& b) {
  return a.height_px == b.height_px && a.width_px == b.width_px && a.channels == b.channels &&
         a.action_width == b.action_width;
}

}  // namespace

std::string describe_shape(const ClipShape& shape) {
  return c10::str(shape.height_px, "x", shape.width_px, "x", shape.channels, " frames with ",
                  shape.action_width, " action values");
}

Dataset open_held_out_data(const std::string& glob, int64_t stride_frames, const TrainedOn& trained,
                           const ReadAs& read_as) {
  Dataset data(glob, trained.shape.clip_frames, stride_frames,
               trained.shape.action_width / stride_frames, read_as);
  if (!is_alike(data.shape(), trained.shape)) {
    throw DataError(c10::str(glob, ": holds ", describe_shape(data.shape()), "; ", trained.name,
                             " has ", describe_shape(trained.shape),
                             "; held-out data must be of the same size and actions"));
  }
  const auto& space = data.action_space();
  if (trained.actions && trained.actions->kind != space.kind) {
    throw DataError(c10::str(glob, ": holds ", name_of(space.kind), "; ", trained.name, " has ",
                             name_of(trained.actions->kind),
                             "; held-out data must have actions of the same kind"));
  }
  if (trained.actions && !are_names_alike(*trained.actions, space)) {
    throw DataError(c10::str(glob, ": its actions are ", names_of(space), "; those of ",
                             trained.name, " are ", names_of(*trained.actions),
                             "; held-out data must number them alike: import both together"));
  }
  data.scale_actions(trained.action_scale);
  return data;
}

std::vector<std::string> describe_training_actions(const Dataset& train, const std::string& name) {
  const auto columns = train.action_columns();
  if (columns.empty()) return {};
  const auto& names = train.action_space().names;
  std::vector<std::string> lines = {train.action_scale().is_empty()
                                        ? "actions are taken as they are stored, not standardised"
                                        : "actions are standardised, column by column: " +
                                              describe(train.action_scale(), names)};
  const auto constant = constant_columns(name, columns, names);
  const auto beyond =
      columns_out_of_range(name, columns, usual_scale(train), names,
                           "look for wrong values among them: nextframe data inspect");
  for (const auto* more : {&constant, &beyond}) {
    lines.insert(lines.end(), more->begin(), more->end());
  }
  return lines;
}

ActionScale usual_scale(const Dataset& train) {
  return train.action_scale().is_empty() ? scale_of(train.action_columns()) : train.action_scale();
}

std::vector<std::string> describe_held_out_actions(const Dataset& held_out, const std::string& name,
                                                   const ActionScale& scale) {
  if (scale.is_empty()) return {};
  return columns_out_of_range(name, held_out.action_columns(), scale, held_out.action_space().names,
                              "are they in the unit of the training set?");
}

std::optional<Dataset> open_validation(const DataConfig& data, const EvaluateConfig& config,
                                       const Dataset& train) {
  if (data.validation.empty()) return std::nullopt;
  try {
    auto validation = open_held_out_data(data.validation, data.stride_frames,
                                         {c10::str("data.train (", data.train, ")"), train.shape(),
                                          train.action_space(), train.action_scale()},
                                         data.validation_as());
    evaluated_episodes(validation, config);
    return validation;
  } catch (const DataError& error) {
    throw DataError(std::string("data.validation: ") + error.what());
  }
}

std::string describe_held_out(const Dataset& validation, const EvaluateConfig& config,
                              bool only_shortfall) {
  const auto source = evaluated_episodes(validation, config);
  const auto num_without_rollout = std::count_if(
      source.episodes.begin(), source.episodes.end(),
      [&](const auto& episode) { return episode.num_frames <= config.context_frames; });
  std::string text = c10::str(source.num_episodes(), " of ", validation.num_episodes(),
                              " held-out episodes are evaluated");
  const auto complete = text.size();
  if (source.num_passed_over > 0) {
    text += c10::str("; ", source.num_passed_over, " of fewer than ", kFirstScoredFrame + 1,
                     " frames are passed over");
  }
  if (num_without_rollout > 0) {
    text += c10::str("; ", num_without_rollout,
                     " are not longer than evaluate.context_frames = ", config.context_frames,
                     ", so there is no rollout of them");
  }
  return only_shortfall && text.size() == complete ? "" : text;
}

}  // namespace nextframe
