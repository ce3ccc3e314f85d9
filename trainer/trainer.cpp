#include "trainer/trainer.h"

#include "kernels/base/clock.h"
#include "kernels/draws.h"
#include "kernels/torch.h"
#include "launch/hang/collective_check.h"
#include "launch/rank_agreement.h"
#include "trainer/checkpoint/store.h"
#include "trainer/environment.h"
#include "trainer/exit_code.h"
#include "trainer/judge/bad_step.h"
#include "trainer/recompute.h"
#include "trainer/version.h"

namespace nextframe {
namespace {

constexpr int64_t kSpikeSilence = 50;  // steps between two lines about spikes that were applied

Batch to_device(const Batch& batch, c10::Device device) {
  if (device.is_cpu()) return batch;
  return batch.map(
      [&](const at::Tensor& tensor) { return tensor.to(device, /*non_blocking=*/true); });
}

}  // namespace

Trainer::Trainer(const Config& config, const World& world, const RunFolder& folder,
                 std::shared_ptr<Model> model, Dataset& data, Console& console, Watchdog& watchdog,
                 const GraphRecorder& recorder)
    : config_(config),
      world_(world),
      folder_(folder),
      console_(console),
      watchdog_(watchdog),
      data_(data),
      model_(std::move(model)),
      control_(world.make_host_communicator("control")),
      devices_(world, config.parallel),
      parameters_(*model_, devices_.shard() < Shard::gradients),
      rules_(config.optimizer, parameters_,
             [this](const std::string& name) { return model_->matrices_in(name); }),
      sharding_(devices_.shard(), config.parallel.bucket_bytes, devices_.groups(), parameters_,
                rules_.stays_whole()),
      grains_(sharding_.grain_owners(config.trainer.grains)),
      graphs_(choose_graphs(config, devices_.shard(), grains_.count(world.rank()), recorder,
                            [&console](const std::string& line) { console.say(line); })),
      pass_(*model_, parameters_, std::move(graphs_.grains)),
      optimizer_(parameters_, rules_, &sharding_, std::move(graphs_.optimizer)),
      sync_(sharding_.make_gradient_sync(
          config.trainer.grains, config.parallel.reduce == "strict",
          {config.parallel.first_bucket_bytes, config.parallel.bucket_bytes})),
      statistics_(*control_, grains_),
      stragglers_(gather_strings(*control_, world.host()), grains_),
      judge_({config.trainer.max_bad_steps, config.trainer.max_rollbacks,
              config.trainer.skip_spikes_above_z}),
      saver_(*control_, folder.checkpoints(),
             {{config.checkpoint.keep, config.checkpoint.keep_best}, config.checkpoint.timeout_s},
             [&console](const std::string& line) { console.say(line); }) {
  position_.seed = config.trainer.seed;
  if (config.parallel.shard == "parameters")
    run_blocks(*model_, config.trained_part(), sharding_,
               make_recompute_runner(config.trainer.recompute));
}

Trainer::~Trainer() = default;

StopRequest Trainer::run(StopRequests& stops, const Evaluation& evaluate) {
  stops_ = &stops;
  open_loader_and_logs();
  find_peak_flops();
  if (std::exchange(has_new_data_, false)) save();  // so that this is never forgotten
  last_record_s_ = steady_seconds();
  StopRequest stop = strongest_request(*control_, stops.requested());
  while (position_.step < config_.trainer.steps && stop == StopRequest::none) {
    const auto section = watchdog_.step(position_.step + 1);
    const auto totals = train_step(rank_status());  // forward, backward, over this rank's grains
    if (!totals.is_complete) {  // a rank was asked to stop before its data came: no step
      sync_->finish();
      stop = strongest_request(*control_, stops.requested());
      break;
    }
    const auto judged = update(totals);  // the tree's sum, clipped, into AdamW
    stop = totals.stop;
    log_step(totals, judged);
    saver_.advance(totals.have_all_saved, totals.has_any_failed_to_save);
    if (judged.verdict == Verdict::roll_back) {
      roll_back();
      continue;
    }
    const bool is_last = position_.step == config_.trainer.steps || stop != StopRequest::none;
    if (is_due(config_.checkpoint.every_steps) || is_last) save();
    if (is_due(config_.evaluate.every_steps) && stop == StopRequest::none) evaluate_model(evaluate);
  }
  save();
  finish_saving();
  if (world_.is_root()) stops.acknowledge();
  return stop;
}

RankStatus Trainer::rank_status() {
  stops_->note_save_time(saver_.longest_save_s());
  return {.stop = stops_->requested(),
          .has_saved = saver_.has_saved(),
          .has_failed_to_save = saver_.has_failed()};
}

/// Forward and backward of this rank's grains; their gradients go to sync_ (gradient accumulation).
StepTotals Trainer::train_step(RankStatus status) {
  const Stopwatch watch;
  const auto draw = as_tensor(
      {static_cast<uint64_t>(config_.trainer.seed), static_cast<uint64_t>(position_.step)},
      world_.device());
  Batch batch;
  const int64_t num_passes = grains_.num_passes(world_.rank());
  for (int64_t i = 0; i < num_passes; ++i) {
    const int64_t grain = grains_.grain(world_.rank(), i);
    const bool is_owned = grain < grains_.num_grains;
    if (is_owned) batch = next_batch();  // else repeats the last one: the exchanges are collective
    sharding_.begin_grain();
    memory_.begin_grain();
    const auto terms = pass_.run(batch, draw, i + 1 < num_passes, [&] { sync_->begin(grain); });
    memory_.end_grain();
    sync_->add(grain, parameters_.gradients());
    if (is_owned) statistics_.add(terms, batch.sample_ids_B);
  }
  sharding_.end_backward();
  const double waited_s = sync_->take_wait_s();
  comm_exposed_s_ += waited_s;
  status.has_real_grains = !loader_->has_stopped();
  status.busy_s = std::max(watch.seconds() - waited_s, watchdog_.take_suspended_s());
  return exchange_status(status);
}

Batch Trainer::next_batch() {
  return watchdog_.run_section("data", [&] { return to_device(loader_->next(), world_.device()); });
}

/// All-gathers what the ranks report of this step.
StepTotals Trainer::exchange_status(RankStatus status) {
  const auto recorders = world_.flight_log()->find_all("gradients");
  status.calls = join_digests(recorders);
  const auto waiting = watchdog_.sync_point();
  const auto totals = statistics_.finish(status);
  if (!totals.do_calls_agree) throw_desync(*control_, recorders);
  return totals;
}

/// Judges the step by its loss and the norm of its mean gradient; unless they are bad, clips and
/// steps the optimizer, which counts its own updates.
JudgedStep Trainer::update(const StepTotals& totals) {
  const Stopwatch waiting;
  const auto gradient_sum = watchdog_.run_section("wait", [&] { return sync_->finish(); });
  comm_exposed_s_ += waiting.seconds();

  const auto norm_of_sum = sharding_.gradient_norm(gradient_sum, *control_);
  double norm = norm_of_sum.value / totals.weight;
  if (config_.parallel.reduce == "fast") norm = root_number(*control_, norm);
  position_.step += 1;
  position_.samples += config_.trainer.global_batch;
  steps_since_record_ += 1;
  const auto judged = judge_.judge(position_.history, position_.step, totals.loss(), norm);
  if (judged.verdict != Verdict::apply || judged.is_spike) handle_unusual_step(totals, judged);
  if (judged.verdict != Verdict::apply) return judged;
  const double limit = config_.optimizer.clip_norm;
  const double clip = limit > 0 && norm > limit ? limit / norm : 1.0;
  const double lr =
      config_.optimizer.lr *
      learning_rate_factor(config_.schedule, position_.step - 1, config_.trainer.steps);
  optimizer_.update(gradient_sum, position_.step - position_.history.skipped_steps, lr,
                    clip / totals.weight, norm_of_sum.is_bad);
  comm_exposed_s_ += sharding_.finish_gathering();
  return judged;
}

/// Collective: all ranks have the same numbers, and so the same verdict.
void Trainer::handle_unusual_step(const StepTotals& totals, const JudgedStep& judged) {
  if (judged.verdict == Verdict::apply) {
    if (position_.step - last_reported_spike_step_ < kSpikeSilence) return;
    last_reported_spike_step_ = position_.step;
    return console_.say(describe_spike(position_.step, judged));
  }
  auto& history = position_.history;
  const auto suspects = find_suspects(totals.grain_loss_sums, statistics_.sample_ids());
  history.suspects.insert(history.suspects.end(), suspects.clips.begin(), suspects.clips.end());
  const auto line = describe_bad_step(position_.step, judged, history.bad_in_row, suspects);
  if (judged.verdict == Verdict::give_up) {
    throw NumericsError(give_up_advice(line, history.rollbacks, folder_.checkpoints().string()));
  }
  console_.say(line);
}

/// To the newest checkpoint; without one, to before the bad steps, which changed no parameter.
void Trainer::roll_back() {
  const auto bad = position_;
  restore();
  position_ = position_after_rollback(position_, bad, config_.trainer.global_batch);
  saved_step_ = -1;  // no checkpoint knows the clips that are set aside now
  recent_sums_.clear();
  console_.say(c10::str("back from step ", bad.step, " to step ", position_.step, "; from step ",
                        bad.step - bad.history.bad_in_row + 1, " on ", bad.history.suspects.size(),
                        " clips are set aside (time ", position_.history.rollbacks, " of ",
                        config_.trainer.max_rollbacks, " without getting further)"));
  open_loader_and_logs();
}

bool Trainer::is_due(int64_t every_steps) const {
  return every_steps > 0 && position_.step % every_steps == 0;
}

}  // namespace nextframe
