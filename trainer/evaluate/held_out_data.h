// data.validation, opened and compared with what the model is trained on before anything is begun.
#pragma once

#include <optional>
#include <string>

#include "data/dataset.h"
#include "trainer/trainer_config.h"

namespace nextframe {

/// What a model has learned, or is about to learn, from.
struct TrainedOn {
  std::string name;  // "data.train (…)", for messages
  ClipShape shape;
  std::optional<ActionSpace> actions{};  // where they are known
  ActionScale action_scale{};            // by which it was given them
};

/// Opens the shards that match `glob`, with the actions standardised as they were for the model.
/// DataError when there are none, when their frames or actions
/// are of another kind, in which case both are named, or when no episode is as long as a clip.
Dataset open_held_out_data(const std::string& glob, int64_t stride_frames, const TrainedOn& trained,
                           const ReadAs& read_as = {});

/// The same for data.validation of a run that trains on `train`, and DataError, too, when no
/// episode has a frame to score. Nothing where the config names no held-out data.
std::optional<Dataset> open_validation(const DataConfig& data, const EvaluateConfig& config,
                                       const Dataset& train);

/// How the actions of the training set are standardised, and what is unusual in their columns.
std::vector<std::string> describe_training_actions(const Dataset& train, const std::string& name);

/// By which the training set's actions are standardised, or would be.
ActionScale usual_scale(const Dataset& train);

/// The columns of held-out actions that lie where the model was hardly trained, by the training
/// set's `scale`; nothing where that is empty.
std::vector<std::string> describe_held_out_actions(const Dataset& held_out, const std::string& name,
                                                   const ActionScale& scale);

/// "64x64x3 frames with 6 action values".
std::string describe_shape(const ClipShape& shape);

/// How many episodes are evaluated, and how many are too short, for what. With `only_shortfall`: ""
/// where none is too short.
std::string describe_held_out(const Dataset& validation, const EvaluateConfig& config,
                              bool only_shortfall = false);

}  // namespace nextframe
