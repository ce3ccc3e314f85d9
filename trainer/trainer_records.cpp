// What the training loop logs about its steps.

#include <cmath>

#include "kernels/base/clock.h"
#include "kernels/torch.h"
#include "launch/device.h"
#include "trainer/checkpoint/digest.h"
#include "trainer/judge/collapse.h"
#include "trainer/records/memory_report.h"
#include "trainer/records/peak_flops.h"
#include "trainer/trainer.h"

namespace nextframe {
namespace {

constexpr size_t kRecentSteps = 50;  // that the result against copy-last is taken over

}  // namespace

double Trainer::error_over_copy_last() const {
  double error = 0, copy_error = 0;
  for (const auto& sums : recent_sums_) {
    if (!sums.contains("squared_error") || !sums.contains("copy_squared_error")) return 0;
    error += sums.at("squared_error");
    copy_error += sums.at("copy_squared_error");
  }
  return copy_error > 0 ? error / copy_error : 0;
}

/// On a GPU, the log says which peak MFU is relative to.
void Trainer::find_peak_flops() {
  if (model_->flops_per_clip() <= 0) return;
  const auto device = world_.device();
  const bool bf16 = config_.trainer.precision == "bf16";
  const auto gpus = device.is_cuda() ? visible_gpus() : std::vector<Gpu>{};
  const auto at = static_cast<size_t>(device.index());
  const auto peak =
      choose_peak_flops(config_.trainer.peak_tflops, at < gpus.size() ? gpus[at].name : "", bf16,
                        [&] { return measure_peak_flops(device, bf16); });
  peak_flops_ = peak.flops_per_s * static_cast<double>(world_.size());
  peak_is_measured_ = peak.is_measured;
  if (world_.is_root() && (device.is_cuda() || config_.trainer.peak_tflops > 0)) {
    console_.say(c10::str("MFU is of ", std::lround(peak.flops_per_s / 1e12), " TFLOP/s a rank, ",
                          peak.source));
  }
}

StepRecord Trainer::make_record(const StepTotals& totals, const JudgedStep& judged) {
  const double steps = static_cast<double>(std::max<int64_t>(1, steps_since_record_));
  StepRecord record;
  record.step = position_.step;
  record.samples = position_.samples;
  record.loss = judged.loss;
  record.grad_norm = judged.grad_norm;
  record.loss_z = judged.loss_z;
  record.grad_norm_z = judged.grad_norm_z;
  record.skipped_steps = position_.history.skipped_steps;
  record.set_aside = static_cast<int64_t>(position_.set_aside.size());
  if (!position_.segments.empty()) record.data_shards = position_.segments.back().num_shards;
  record.lr = config_.optimizer.lr *
              learning_rate_factor(config_.schedule, position_.step - 1, config_.trainer.steps);
  record.checkpoint_stall_s = saver_.take_stall_s();
  record.step_s = (steady_seconds() - last_record_s_ - record.checkpoint_stall_s) / steps;
  const double clips_per_s = static_cast<double>(config_.trainer.global_batch) / record.step_s;
  record.frames_per_s = clips_per_s * static_cast<double>(config_.data.clip_frames);
  record.tokens_per_s = clips_per_s * static_cast<double>(model_->tokens_per_clip());
  const double flops_per_s = clips_per_s * model_->flops_per_clip();
  // A peak that was measured while the machine was busy is too low: what was reached is possible.
  if (peak_is_measured_) peak_flops_ = std::max(peak_flops_, flops_per_s);
  record.mfu = peak_flops_ > 0 ? flops_per_s / peak_flops_ : 0;
  record.data_wait_s = loader_->take_wait_s() / steps;
  record.comm_exposed_s = comm_exposed_s_ / steps;
  record.world_size = world_.size();
  record.memory_peak_bytes = memory_.take_peak_bytes();
  record.busy = stragglers_.take();
  for (const auto& [name, sum] : totals.sums) record.statistics[name] = sum / totals.weight;
  if (devices_.shard() != Shard::parameters) record.statistics.merge(model_->monitors());
  return record;
}

void Trainer::log_step(const StepTotals& totals, const JudgedStep& judged) {
  memory_.print_once(console_, config_.trainer.recompute);
  const auto slowness = stragglers_.add(totals.busy_s, position_.step, steady_seconds());
  if (!slowness.empty()) console_.say(slowness);
  const bool is_applied = judged.verdict == Verdict::apply;
  if (is_applied) recent_sums_.push_back(totals.sums);
  if (recent_sums_.size() > kRecentSteps) recent_sums_.pop_front();
  if (recent_sums_.size() == 2)  // all buffers are there
    console_.say(to_line(measure_memory(parameters_, optimizer_, *sync_, sharding_)));
  const bool wants_digest = is_due(config_.checkpoint.digest_every_steps);
  const bool is_last = position_.step == config_.trainer.steps || totals.stop != StopRequest::none;
  if (!is_due(config_.trainer.log_every_steps) && !is_last && !wants_digest && is_applied) return;
  auto record = make_record(totals, judged);
  if (wants_digest) record.digest = state_digest(state(), *control_);
  if (world_.is_root()) {
    metrics_->append(record);
    tensorboard_->append(record);
    console_.say_once(write_status(folder_, "running", position_.step, config_.trainer.steps));
  }
  if (is_applied) console_.show(record, config_.trainer.steps);  // a bad step has its own line
  const bool has_settled = position_.step * 2 >= config_.trainer.steps;
  if (has_settled && !has_raised_alarm_) {
    const auto alarm = describe_collapse(record.statistics);
    has_raised_alarm_ = !alarm.empty();
    if (has_raised_alarm_) console_.say(alarm);
  }
  last_record_s_ = steady_seconds();
  steps_since_record_ = 0;
  comm_exposed_s_ = 0;
}

}  // namespace nextframe
