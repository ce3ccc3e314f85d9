// The `latent_actions` suite: what a model's latent actions are worth where the data's own actions,
// which it was not shown, are known.
#include <ATen/ATen.h>

#include <cmath>

#include "trainer/evaluate/evaluate.h"

namespace nextframe {
namespace {

constexpr int64_t kMostChoices = 64;

/// Of one episode: how often each latent action [V] came with each of the data's [A].
at::Tensor counts_of(const EpisodeSource& source, const SourceEpisode& episode) {
  const int64_t frames = episode.num_frames - 1;  // what follows the last one is not known
  const auto latent_TV = source.read_actions(episode.number, 0, frames);
  const auto recorded_TA = source.read_recorded_actions(episode.number, 0, frames);
  return latent_TV.t().to(at::kDouble).mm(recorded_TA.to(at::kDouble));
}

/// Guesses each of the data's actions by the one that its latent action came with most often in
/// other episodes: what an episode adds, {right, right if the commonest is always guessed, frames}.
Sums guessed(const at::Tensor& own_VA, const at::Tensor& others_VA) {
  const auto guess_V = others_VA.argmax(1);
  const auto right = own_VA.gather(1, guess_V.unsqueeze(1)).sum().item<double>();
  const auto commonest = others_VA.sum(0).argmax().item<int64_t>();
  return {right, own_VA.sum(0)[commonest].item<double>(), own_VA.sum().item<double>()};
}

std::vector<Definition> latent_definitions() {
  return {
      {"accuracy",
       "share of frames whose recorded action is the one that their latent action came with most "
       "often in the other half of the episodes (even and odd places)"},
      {"majority", "the same, if the other half's commonest action is guessed always"},
      {"gain", "accuracy less majority; above 0, latent actions tell of the recorded ones"},
      {"codes",
       "for each latent action its share of frames, and the share of these whose recorded "
       "action is the commonest among them, which is `action`"}};
}

FigureTable table_of(const std::vector<at::Tensor>& counts, Bootstrap& bootstrap) {
  const auto all_VA = at::stack(counts).sum(0);
  FigureTable table{"codes", "code", {}};
  for (int64_t code = 0; code < all_VA.size(0); ++code) {
    const auto action = all_VA[code].argmax().item<int64_t>();
    std::vector<Sums> sums;
    for (const auto& own_VA : counts) {
      sums.push_back({own_VA[code].sum().item<double>(), own_VA.sum().item<double>(),
                      own_VA[code][action].item<double>()});
    }
    const auto index = static_cast<double>(action);
    table.rows.push_back(
        {code,
         {{"share", bootstrap.figure(sums, [](const Sums& s) { return s[0] / s[1]; })},
          {"agreement",
           bootstrap.figure(sums, [](const Sums& s) { return s[0] > 0 ? s[2] / s[0] : 0; })},
          {"action", {index, index, index, static_cast<int64_t>(counts.size())}}}});
  }
  return table;
}

SuiteReport run_latent_actions(EvaluationContext& evaluation) {
  SuiteReport report{"latent_actions", {}, {}, latent_definitions(), {}};
  const auto& source = evaluation.held_out();
  const auto refuse = [&](const char* why) {
    report.notes.push_back(std::string("no latent_actions: ") + why);
    return report;
  };
  const auto& first = source.episodes.front();
  const auto some_TA = source.read_recorded_actions(first.number, 0, first.num_frames);
  if (some_TA.size(1) == 0) return refuse("the data records no actions to compare them with");
  if (some_TA.size(1) > kMostChoices || !are_choices(some_TA))
    return refuse("the recorded actions are no choices");
  std::vector<at::Tensor> counts;
  for (const auto& episode : source.episodes) counts.push_back(counts_of(source, episode));
  at::Tensor halves[2] = {at::zeros_like(counts[0]), at::zeros_like(counts[0])};
  for (size_t place = 0; place < counts.size(); ++place) halves[place % 2] += counts[place];
  std::vector<Sums> sums;
  for (size_t place = 0; place < counts.size(); ++place)
    sums.push_back(guessed(counts[place], halves[1 - place % 2]));
  auto& bootstrap = evaluation.bootstrap();
  const auto add = [&](const char* name, const Statistic& statistic) {
    report.figures.push_back({name, bootstrap.figure(sums, statistic)});
  };
  add("accuracy", [](const Sums& s) { return s[0] / s[2]; });
  add("majority", [](const Sums& s) { return s[1] / s[2]; });
  add("gain", [](const Sums& s) { return (s[0] - s[1]) / s[2]; });
  report.tables.push_back(table_of(counts, bootstrap));
  return report;
}

NF_REGISTER_LONG_SUITE(latent_actions,
                       "what latent actions tell of recorded ones that the model was not shown",
                       run_latent_actions, {.has_latent_actions = true, .episodes = 2})

}  // namespace
}  // namespace nextframe
