// What a suite cannot do without. Where the model or the data lack it, the suite is left out, and
// the report has a line that says why.
#pragma once

#include <string>
#include <vector>

#include "model/world_model.h"
#include "trainer/evaluate/episode_source.h"

namespace nextframe {

struct SuiteNeeds {
  bool predicts = true;                // a model that predicts frames, not a tokenizer alone
  bool steps = false;                  // one-step predictions, not stored dreams alone
  bool has_tokenizer = false;          // a model with a tokenizer
  bool is_sampling = false;            // a model that samples frames
  bool fills = false;                  // a model that fills in frames of a clip
  bool has_actions = false;            // data with actions, or a model of latent ones
  bool has_latent_actions = false;     // a model that reads actions off the frames
  int64_t episodes = 1;                // so many of them
  std::vector<std::string> columns{};  // of true state, in every evaluated episode
  bool has_simulator = false;          // episodes that their simulated world can replay
};

/// What is lacking, a sentence each; empty if nothing is. Reads of the data only what is asked for.
std::vector<std::string> unmet_needs(const SuiteNeeds& needs, const WorldModel& model,
                                     const EpisodeSource& source);

}  // namespace nextframe
