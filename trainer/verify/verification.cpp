#include "trainer/verify/verification.h"

#include <c10/util/StringUtil.h>

#include "launch/text.h"
#include "trainer/bench/bench_results.h"
#include "trainer/checkpoint/store.h"
#include "trainer/load_run.h"
#include "trainer/verify/checks.h"

namespace nextframe {
namespace {

using Outcome = CheckResult::Outcome;

constexpr double kRolloutTolerance = 1e-5;
constexpr char kReference[] = "reference";

CheckResult passed(const std::string& found) { return {"", Outcome::passed, found, 0}; }
CheckResult failed(const std::string& found) { return {"", Outcome::failed, found, 0}; }
CheckResult left_out(const std::string& found) { return {"", Outcome::left_out, found, 0}; }

std::string on_ranks(int64_t ranks) { return c10::str(ranks, ranks == 1 ? " rank" : " ranks"); }

}  // namespace

Verification::Verification(const Config& config, const Dataset& data, const VerifyPlan& plan,
                           ScratchRuns& runs, std::function<void(const std::string& check)> begin,
                           Tell tell)
    : config_(config),
      data_(data),
      plan_(plan),
      runs_(runs),
      begin_(std::move(begin)),
      tell_(std::move(tell)) {}

void Verification::check(const std::string& name, const std::function<CheckResult()>& body) {
  begin_(name);
  CheckResult result;
  const double took_s = seconds_of([&] { result = body(); });
  result.check = name;
  result.took_s = took_s;
  has_failed_ = has_failed_ || result.outcome == Outcome::failed;
  tell_(result);
}

bool Verification::reference_runs() {
  check("runs on " + on_ranks(plan_.ranks.front()), [&] {
    const auto problem = runs_.train({kReference, plan_.ranks.front(), plan_.steps, middle(), {}});
    if (!problem.empty()) return failed(problem);
    const auto digest = read_manifest(runs_.checkpoint(kReference, plan_.steps)).digest;
    return passed(c10::str(plan_.steps, " steps, digest ", digest));
  });
  return !has_failed_;
}

/// Trains as `run` says and looks where the end differs from the reference's.
CheckResult Verification::compare(const ScratchRun& run) {
  const auto problem = runs_.train(run);
  if (!problem.empty()) return failed(problem);
  const auto difference = first_difference(read_manifest(runs_.checkpoint(kReference, plan_.steps)),
                                           read_manifest(runs_.checkpoint(run.name, plan_.steps)));
  return difference.empty() ? passed("the same digest") : failed("differs: " + difference);
}

void Verification::ranks_agree(int64_t ranks) {
  check("ranks agree: " + on_ranks(ranks), [&] {
    auto result = compare({c10::str("ranks-", ranks), ranks, plan_.steps, middle(), {}});
    if (result.outcome == Outcome::failed && config_.parallel.reduce != "strict")
      result.found += "; parallel.reduce = " + config_.parallel.reduce + " promises no equal bits";
    return result;
  });
}

void Verification::resumes_on(int64_t ranks) {
  check(c10::str("resume after step ", middle(), ": ", on_ranks(ranks)), [&] {
    const auto name = c10::str("resumed-", ranks);
    runs_.copy_until(kReference, middle(), name);
    return compare({name, ranks, plan_.steps, middle(), {}});
  });
}

void Verification::rollouts_agree(WorldModel& fp32_model) {
  check("dream from memory: fp32", [&] {
    const auto rollout = check_rollout(fp32_model, data_);
    const auto text =
        format("%lld frames, largest difference %.1e of %.0e allowed",
               static_cast<long long>(rollout.frames), rollout.difference, kRolloutTolerance);
    if (!(rollout.movement > 100 * kRolloutTolerance))
      return left_out("the dream stands still, so there is nothing to compare");
    return rollout.difference <= kRolloutTolerance ? passed(text) : failed(text);
  });
}

void Verification::gradients_are_synchronised() {
  const int64_t ranks = plan_.ranks.back();
  check("gradients are synchronised: " + on_ranks(ranks), [&] {
    // With beta1 = 0 the first moment of AdamW is the gradient that the optimizer was given. The
    // second step is the first that exchanges in buckets.
    const ScratchRun run{
        "gradients", ranks, 2, 1, {"optimizer.beta1=0", "optimizer.matrices=adamw"}};
    const auto problem = runs_.train(run);
    if (!problem.empty()) return failed(problem);
    const auto before = load_run(runs_.checkpoint(run.name, 1).string(), /*prefer_ema=*/false);
    before.model->train();
    const auto gradients = sum_grains(before.config, *before.model, data_, 1);
    const auto difference =
        gradient_difference(gradients, config_.optimizer.clip_norm, runs_.checkpoint(run.name, 2));
    if (!difference.empty()) return failed(difference);
    const auto unused = gradients.unused();
    auto found = c10::str(gradients.parameters.size(), " parameters are the sums of ",
                          config_.trainer.grains, " grains");
    if (!unused.empty()) found += "; never used: " + c10::Join(", ", unused);
    return passed(found);
  });
}

void Verification::setting_changes_nothing(const std::string& key, const std::string& value) {
  const int64_t ranks = plan_.ranks.back();
  check(key + " = " + value + ": " + on_ranks(ranks), [&] {
    return compare({key + "-" + value, ranks, plan_.steps, middle(), {key + "=" + value}});
  });
}

bool Verification::run() {
  if (!reference_runs()) return false;
  for (size_t i = 1; i < plan_.ranks.size(); ++i) ranks_agree(plan_.ranks[i]);
  resumes_on(plan_.ranks.front());
  if (plan_.ranks.size() > 1) resumes_on(plan_.ranks.back());
  gradients_are_synchronised();
  for (const auto& value : plan_.recompute) setting_changes_nothing("trainer.recompute", value);
  for (const auto& value : plan_.shard) setting_changes_nothing("parallel.shard", value);
  return !has_failed_;
}

}  // namespace nextframe
