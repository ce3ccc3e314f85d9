#include "trainer/trainer.h"

#include "kernels/base/clock.h"
#include "kernels/draws.h"
#include "kernels/torch.h"
#include "launch/hang/desync.h"
#include "launch/roll_call.h"
#include "trainer/checkpoint/store.h"
#include "trainer/environment.h"
#include "trainer/recompute.h"
#include "trainer/version.h"

namespace nextframe {
namespace {

using Clock = std::chrono::steady_clock;

Batch to_device(const Batch& batch, c10::Device device) {
  if (device.is_cpu()) return batch;
  const auto move = [&](const at::Tensor& tensor) {
    return tensor.to(device, /*non_blocking=*/true);
  };
  return {move(batch.frames_BTHWC), move(batch.actions_BTA), move(batch.mask_BT),
          move(batch.sample_ids_B)};
}

}  // namespace

Trainer::Trainer(const Config& config, const World& world, const RunFolder& folder,
                 std::shared_ptr<WorldModel> model, const Dataset& data, Console& console,
                 Watchdog& watchdog, const WorkRecorder& recorder)
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
      sharding_(devices_.shard(), config.parallel.bucket_bytes, devices_.groups(), parameters_),
      grains_(sharding_.grain_owners(config.trainer.grains)),
      graphs_(choose_graphs(config, devices_.shard(), grains_.count(world.rank()), recorder,
                            [&console](const std::string& line) { console.say(line); })),
      pass_(*model_, parameters_, std::move(graphs_.grains)),
      optimizer_(config.optimizer, parameters_, &sharding_, std::move(graphs_.optimizer)),
      sync_(sharding_.make_gradient_sync(
          config.trainer.grains, config.parallel.reduce == "strict",
          {config.parallel.first_bucket_bytes, config.parallel.bucket_bytes})),
      statistics_(*control_, grains_),
      stragglers_(gather_strings(*control_, world.host()), grains_),
      judge_({config.trainer.max_bad_steps, config.trainer.max_rollbacks,
              config.trainer.skip_spikes_above_z}),
      saver_(*control_, folder.checkpoints(), {config.checkpoint.keep, config.checkpoint.timeout_s},
             [&console](const std::string& line) { console.say(line); }) {
  position_.seed = config.trainer.seed;
  if (config.parallel.shard == "parameters")
    run_blocks(*model_, config.value_of("model.name"), sharding_,
               make_recompute_runner(config.trainer.recompute));
}

Trainer::~Trainer() = default;

StopRequest Trainer::run(StopRequests& stops, const Evaluation& evaluate) {
  stops_ = &stops;
  open_streams();
  find_peak();
  since_ = Clock::now();
  StopRequest stop = strongest_request(*control_, stops.requested());
  while (position_.step < config_.trainer.steps && stop == StopRequest::none) {
    const auto section = watchdog_.step(position_.step + 1);
    const auto totals = train_step(news());  // forward, backward, over this rank's grains
    if (!totals.is_whole) {  // a rank that was asked to stop has not waited for its data: no step
      sync_->finish();
      stop = strongest_request(*control_, stops.requested());
      break;
    }
    const auto judged = update(totals);  // the tree's sum, clipped, into AdamW
    stop = totals.stop;
    log_step(totals, judged);
    saver_.advance(totals.have_all_saved, totals.has_any_failed_to_save);
    if (judged.verdict == Verdict::roll_back) {
      go_back();
      continue;
    }
    if (is_due(config_.checkpoint.every_steps) || stop != StopRequest::none) save();
    if (is_due(config_.evaluate.every_steps) && stop == StopRequest::none) look(evaluate);
  }
  save();
  finish_saving();
  if (world_.is_root()) stops.settle();
  return stop;
}

RankNews Trainer::news() {
  stops_->leave_room(saver_.longest_save_s());
  return {.stop = stops_->requested(),
          .has_saved = saver_.has_saved(),
          .has_failed_to_save = saver_.has_failed()};
}

/// The root evaluates; where parameters are split, all ranks lend theirs for that time.
void Trainer::look(const Evaluation& evaluate) {
  const auto pause = watchdog_.pause("evaluate");
  const auto start = Clock::now();
  const auto on_root = [&] {
    if (world_.is_root()) evaluate(position_.step);
  };
  if (world_.is_root() || sharding_.is_split()) optimizer_.with_average(on_root);
  since_ += Clock::now() - start;  // no part of a step's time
}

/// Forward, backward and the fixed tree over this rank's grains.
StepTotals Trainer::train_step(RankNews news) {
  const auto began = Clock::now();
  const auto draw = as_tensor(
      {static_cast<uint64_t>(config_.trainer.seed), static_cast<uint64_t>(position_.step)},
      world_.device());
  Batch batch;
  const int64_t num_passes = grains_.num_passes(world_.rank());
  for (int64_t i = 0; i < num_passes; ++i) {
    const int64_t grain = grains_.grain(world_.rank(), i);
    const bool is_owned = grain < grains_.num_grains;  // else its last one again, for the others
    if (is_owned) batch = next_batch();
    sharding_.begin_grain();
    memory_.begin_grain();
    const auto terms = pass_.run(batch, draw, i + 1 < num_passes, [&] { sync_->begin(grain); });
    memory_.end_grain();
    sync_->add(grain, parameters_.gradients());
    if (is_owned) statistics_.add(terms, batch.sample_ids_B);
  }
  sharding_.end_backward();
  const double waited_s = sync_->take_wait_s();
  exposed_s_ += waited_s;
  news.is_whole = !loader_->has_given_up();
  news.busy_s = std::max(seconds_since(began) - waited_s, watchdog_.take_standstill_s());
  return meet(news);
}

Batch Trainer::next_batch() {
  return watchdog_.during("data", [&] { return to_device(loader_->next(), world_.device()); });
}

/// Tells all ranks this one's news, and hears theirs.
StepTotals Trainer::meet(RankNews news) {
  const auto recorders = world_.flight_log()->find_all("gradients");
  news.calls = join_digests(recorders);
  const auto meeting = watchdog_.meeting();
  const auto totals = statistics_.finish(news);
  if (!totals.do_calls_agree) throw_desync(*control_, recorders);
  return totals;
}

/// Judges the step by its loss and the norm of its mean gradient; unless they are bad, clips and
/// steps the optimizer, which counts its own updates.
JudgedStep Trainer::update(const StepTotals& totals) {
  const auto waiting = Clock::now();
  const auto gradient_sum = watchdog_.during("wait", [&] { return sync_->finish(); });
  exposed_s_ += seconds_since(waiting);

  const auto norm_of_sum = sharding_.gradient_norm(gradient_sum, *control_);
  double norm = norm_of_sum.value / totals.weight;
  if (config_.parallel.reduce == "fast") norm = root_number(*control_, norm);
  position_.step += 1;
  position_.samples += config_.trainer.global_batch;
  steps_since_ += 1;
  const auto judged = judge_.judge(position_.history, position_.step, totals.loss(), norm);
  if (judged.verdict != Verdict::apply || judged.is_spike) after_unusual_step(totals, judged);
  if (judged.verdict != Verdict::apply) return judged;
  const double limit = config_.optimizer.clip_norm;
  const double clip = limit > 0 && norm > limit ? limit / norm : 1.0;
  const double lr =
      config_.optimizer.lr *
      learning_rate_factor(config_.schedule, position_.step - 1, config_.trainer.steps);
  optimizer_.update(gradient_sum, position_.step - position_.history.skipped_steps, lr,
                    clip / totals.weight, norm_of_sum.is_bad);
  exposed_s_ += sharding_.finish_gathering();
  return judged;
}

bool Trainer::is_due(int64_t every_steps) const {
  return every_steps > 0 && position_.step % every_steps == 0;
}

}  // namespace nextframe
