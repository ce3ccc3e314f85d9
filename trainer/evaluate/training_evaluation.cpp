#include "trainer/evaluate/training_evaluation.h"

#include <fstream>

#include "trainer/checkpoint/store.h"
#include "trainer/evaluate/dream.h"
#include "trainer/evaluate/evaluate.h"
#include "trainer/evaluate/report.h"

namespace nextframe {
namespace {

/// Thrown out of an evaluation that a request to stop has interrupted.
struct Interrupted {};

/// The same episodes, none of which is read once somebody has asked to stop.
EpisodeSource until_stopped(EpisodeSource source, StopRequests& stops) {
  source.read = [read = source.read, &stops](int64_t number, int64_t first, int64_t count) {
    if (stops.requested() != StopRequest::none) throw Interrupted();
    return read(number, first, count);
  };
  return source;
}

/// A file that is there while an evaluation runs, and after one that has ended the process.
class EvaluationMark {
 public:
  EvaluationMark(std::filesystem::path path, int64_t step) : path_(std::move(path)) {
    int64_t marked_step = -1, times = 0;
    if (std::ifstream(path_) >> marked_step >> times && marked_step == step) times_ = times;
    std::ofstream(path_) << step << " " << times_ + 1 << std::endl;
  }
  ~EvaluationMark() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  EvaluationMark(const EvaluationMark&) = delete;
  EvaluationMark& operator=(const EvaluationMark&) = delete;

  /// How often an evaluation of this step has begun and not come back.
  int64_t times_lost() const { return times_; }

 private:
  std::filesystem::path path_;
  int64_t times_ = 0;
};

void evaluate_now(const EvaluatedRun& run, int64_t step, const std::function<void()>& show_life) {
  const auto& config = run.config;
  const auto progress = [&](const std::string&, int64_t, int64_t) { show_life(); };
  const auto train = until_stopped(all_episodes(run.train), run.stops);
  const auto held_out =
      until_stopped(evaluated_episodes(run.validation, config.evaluate), run.stops);
  auto report = evaluate(run.model, held_out, &train, config.evaluate, quick_suites(), progress);
  report.provenance = {run.folder.path.string(), "", step, "", config.optimizer.ema_decay > 0,
                       config.data.validation};
  const auto name = checkpoint_name(step);
  write_report((run.folder.path / "eval" / name).string(), report, {});
  write_sample_sheet(run.model, held_out, config.evaluate,
                     (run.folder.samples() / (name + ".png")).string(), progress);
  run.console.say(to_summary(report));
  const bool has_trained_a_while = 10 * step >= config.trainer.steps;
  const auto alarm = ignored_actions_alarm(report);
  if (has_trained_a_while && !alarm.empty()) run.console.say(alarm);
}

}  // namespace

std::string ignored_actions_alarm(const EvaluationReport& report) {
  const auto* ratio = find_figure(report, "control", "shuffle_ratio");
  if (ratio == nullptr || ratio->low > 1) return "";
  return c10::str("the model ignores actions: with another episode's its error is ", ratio->value,
                  " times its own [", ratio->low, ", ", ratio->high,
                  "]. Check that the action at a frame leads to the next one (nextframe data "
                  "inspect), and actions.form");
}

Evaluation make_training_evaluation(const EvaluatedRun& run) {
  return [run](int64_t step, const std::function<void()>& show_life) {
    const auto say = [&](const std::string& what) {
      run.console.say(c10::str("the evaluation of step ", step, " ", what));
    };
    const EvaluationMark mark(run.folder.log() / "evaluation", step);
    if (mark.times_lost() >= 2) {
      return say("has ended this run twice and is left out; see nextframe eval " +
                 run.folder.path.string());
    }
    try {
      evaluate_now(run, step, show_life);
    } catch (const Interrupted&) {
      say("was not finished");
    }
  };
}

}  // namespace nextframe
