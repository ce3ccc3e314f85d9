#include "trainer/evaluate/suite_needs.h"

#include <algorithm>

namespace nextframe {
namespace {

/// The first column that an episode lacks, in words; "" if all have all.
std::string missing_column(const std::vector<std::string>& needed, const EpisodeSource& source) {
  if (needed.empty()) return "";
  for (const auto& episode : source.episodes) {
    const auto there =
        source.column_names ? source.column_names(episode.number) : std::vector<std::string>();
    for (const auto& name : needed) {
      if (std::count(there.begin(), there.end(), name) > 0) continue;
      return c10::str("episode ", episode.number, " has no true state in the column ", name,
                      ", which most simulated worlds store (nextframe data worlds)");
    }
  }
  return "";
}

}  // namespace

std::vector<std::string> unmet_needs(const SuiteNeeds& needs, const WorldModel& model,
                                     const EpisodeSource& source) {
  std::vector<std::string> unmet;
  const auto require = [&](bool is_met, const std::string& otherwise) {
    if (!is_met) unmet.push_back(otherwise);
  };
  require(!needs.predicts || model.can_predict(), "a tokenizer predicts nothing");
  require(!needs.steps || model.can_step() || !model.can_predict(),
          "predictions are of dreams alone");
  require(!needs.has_tokenizer || model.has_tokenizer(), "the model works on pixels");
  require(!needs.is_sampling || model.is_sampling() || !model.can_predict(),
          "the model's objective predicts a frame in one network call");
  require(!needs.fills || model.can_fill() || !model.can_predict(),
          "the model goes forward frame by frame");
  require(!needs.has_actions || source.shape.action_width > 0, "the data has no actions");
  require(!needs.has_latent_actions || model.num_latent_actions() > 0,
          "the model has no latent actions");
  require(source.num_episodes() >= needs.episodes,
          c10::str("it needs ", needs.episodes, " episodes or more"));
  if (!unmet.empty()) return unmet;  // before anything is read
  const auto column = missing_column(needs.columns, source);
  require(column.empty(), column);
  const auto problem = needs.has_simulator ? replay_problem(source) : "";
  require(problem.empty(), problem);
  return unmet;
}

}  // namespace nextframe
