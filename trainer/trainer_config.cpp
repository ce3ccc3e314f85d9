#include "trainer/trainer_config.h"

#include <c10/util/StringUtil.h>

namespace nextframe {
namespace {

/// The divisors of `number` next to `wanted`, as "4" or "2 or 4".
std::string nearest_divisors(int64_t number, int64_t wanted) {
  int64_t below = wanted;
  int64_t above = wanted;
  while (below > 1 && number % below != 0) --below;
  while (above < number && number % above != 0) ++above;
  if (wanted - below == above - wanted) return c10::str(below, " or ", above);
  return c10::str(wanted - below < above - wanted ? below : above);
}

}  // namespace

void RunConfig::fields(FieldVisitor& field) {
  field.free("name", name, "folder under runs/; the config file's stem if it is not given");
}

void RunConfig::check(const Report& report) const {
  if (name.find('/') != std::string::npos || name == "." || name == "..") {
    report("name", "must be one folder's name, without '/'; a whole path is given with --run");
  }
}

void OptimizerConfig::fields(FieldVisitor& field) {
  field("lr", lr, "peak learning rate");
  field("beta1", beta1, "decay a step of the gradient's average");
  field("beta2", beta2, "decay a step of the squared gradient's average");
  field("epsilon", epsilon, "added to the root of the squared gradient's average");
  field("weight_decay", weight_decay, "decoupled; on tensors of two or more dimensions");
  field("clip_norm", clip_norm, "largest norm of the whole gradient; 0 turns clipping off");
  field("ema_decay", ema_decay, "decay a step of the weight average; 0 keeps none");
}

void OptimizerConfig::check(const Report& report) const {
  const auto fraction = [&](const char* field, double value) {
    if (value < 0 || value >= 1) report(field, "must be at least 0 and less than 1");
  };
  if (lr <= 0) report("lr", "must be more than 0");
  fraction("beta1", beta1);
  fraction("beta2", beta2);
  if (epsilon <= 0) report("epsilon", "must be more than 0");
  if (weight_decay < 0) report("weight_decay", "must be 0 or more");
  if (clip_norm < 0) report("clip_norm", "must be 0 or more");
  fraction("ema_decay", ema_decay);
}

void TrainerConfig::fields(FieldVisitor& field) {
  field("steps", steps, "optimizer steps; may grow where the schedule is constant or wsd");
  field("global_batch", global_batch, "clips a step, over all ranks");
  field("grains", grains,
        "pieces of fixed shape that a step is cut into; divides global_batch, and ranks own them");
  field("precision", precision, "type of the products; everything else stays fp32",
        {"fp32", "bf16"});
  field.free(
      "recompute", recompute,
      "what a backward pass computes again instead of keeping it: a block's attention, or all",
      {"none", "block", "attention"});
  field("flash_kernels", flash_kernels,
        "kernels of long attention on a GPU: mma for any, hopper for those of compute capability "
        "9.0, cudnn for plain causal and full attention by NVIDIA's library",
        {"mma", "hopper", "cudnn"});
  field.free(
      "cuda_graphs", cuda_graphs,
      "start a grain's and the optimizer's kernels as one CUDA graph each; meant to have the "
      "same bits, never run on a GPU yet");
  field("seed", seed, "of parameters, sample order and noise");
  field.free("log_every_steps", log_every_steps, "steps from one logged line to the next");
  field("max_bad_steps", max_bad_steps,
        "bad steps in a row that are skipped; then the run goes back and does without their clips");
  field.free("max_rollbacks", max_rollbacks,
             "times that a run goes back without getting further; then it ends with exit code 6");
  field.free("max_minutes", max_minutes,
             "minutes from a start until the run saves and ends with exit code 75; 0: no limit");
  field.free("peak_tflops", peak_tflops,
             "TFLOP/s of a rank's device that MFU is told of; 0: what its maker states where it is "
             "known, else what a large product reaches");
  field("skip_spikes_above_z", skip_spikes_above_z,
        "a loss or gradient norm so many robust standard deviations above the last 128 is bad too; "
        "0: only what is not finite is");
}

void TrainerConfig::check(const Report& report) const {
  constexpr int64_t kMaxGlobalBatch = int64_t{1} << 31;
  if (steps < 1) report("steps", "must be 1 or more");
  if (global_batch < 1 || global_batch > kMaxGlobalBatch) {
    report("global_batch", c10::str("must be between 1 and ", kMaxGlobalBatch));
  } else if (grains < 1) {
    report("grains", "must be 1 or more");
  } else if (grains > global_batch) {
    report("grains", c10::str("is more than trainer.global_batch = ", global_batch));
  } else if (global_batch % grains != 0) {
    report("grains", c10::str("does not divide trainer.global_batch = ", global_batch,
                              "; nearest: ", nearest_divisors(global_batch, grains)));
  }
  if (seed < 0) report("seed", "must be 0 or more");
  if (log_every_steps < 1) report("log_every_steps", "must be 1 or more");
  if (max_bad_steps < 1) report("max_bad_steps", "must be 1 or more");
  if (max_rollbacks < 0) report("max_rollbacks", "must be 0 or more");
  if (!(max_minutes >= 0)) report("max_minutes", "must be 0 or more");
  if (!(peak_tflops >= 0)) report("peak_tflops", "must be 0 or more");
  if (!(skip_spikes_above_z >= 0)) report("skip_spikes_above_z", "must be 0 or more");
}

void ParallelConfig::fields(FieldVisitor& field) {
  field("reduce", reduce, "strict: gradients equal bit for bit on any number of ranks",
        {"strict", "fast"});
  field.free("shard", shard, "what is split over the ranks instead of copied",
             {"none", "optimizer", "gradients", "parameters"});
  field.free("shard_group", shard_group,
             "over which ranks: all of them, or those of each node, with a copy on every node",
             {"world", "node"});
  field.free("device", device, "auto takes a GPU if there is one", {"auto", "cpu", "cuda"});
  field("threads", threads, "CPU threads a rank");
  field.free("first_bucket_bytes", first_bucket_bytes,
             "bytes of the gradient that are exchanged first, while backward goes on");
  field.free("bucket_bytes", bucket_bytes, "bytes of each bucket that follows");
  field.free(
      "hang_limit_s", hang_limit_s,
      "seconds that a step may take before the job ends as hung (exit 86); 0: five times the "
      "longest so far, at least 10");
  field.free("pause_limit_s", pause_limit_s,
             "the same for starting, the first five steps, saving and evaluating");
}

void ParallelConfig::check(const Report& report) const {
  if (threads < 1) report("threads", "must be 1 or more");
  if (first_bucket_bytes < 1) report("first_bucket_bytes", "must be 1 or more");
  if (bucket_bytes < 1) report("bucket_bytes", "must be 1 or more");
  if (hang_limit_s < 0) report("hang_limit_s", "must be 0 (automatic) or more");
  if (pause_limit_s <= 0) report("pause_limit_s", "must be more than 0");
}

void CheckpointConfig::fields(FieldVisitor& field) {
  field.free("every_steps", every_steps, "steps from one checkpoint to the next");
  field.free("keep", keep, "newest checkpoints kept; at least 2, so that one is always whole");
  field.free(
      "keep_best", keep_best,
      "kept beside them: so many of those with the lowest one-step error on data.validation, "
      "of the steps that evaluate.every_steps measures too");
  field.free("timeout_s", timeout_s,
             "seconds without progress on disk, after which waiting for a save is an error");
  field.free("digest_every_steps", digest_every_steps,
             "steps from one digest in metrics.jsonl to the next; 0 writes none");
}

void CheckpointConfig::check(const Report& report) const {
  if (every_steps < 1) report("every_steps", "must be 1 or more");
  if (keep < 2) report("keep", "must be 2 or more: the newest one may be half written");
  if (keep_best < 0) report("keep_best", "must be 0 or more");
  if (timeout_s <= 0) report("timeout_s", "must be more than 0");
  if (digest_every_steps < 0) report("digest_every_steps", "must be 0 or more");
}

void EvaluateConfig::fields(FieldVisitor& field) {
  field.free("every_steps", every_steps,
             "steps from one evaluation to the next; 0 evaluates only when asked");
  field.free("episodes", episodes, "held-out episodes, the first ones by index");
  field.free("context_frames", context_frames, "true frames before a rollout");
  field.free("horizon_frames", horizon_frames, "rolled-out frames");
  field.free("denoise_steps", denoise_steps, "network calls a frame of a sampling objective");
}

void EvaluateConfig::check(const Report& report) const {
  if (every_steps < 0) report("every_steps", "must be 0 or more");
  if (episodes < 1) report("episodes", "must be 1 or more");
  if (context_frames < 1) report("context_frames", "must be 1 or more");
  if (horizon_frames < 1) report("horizon_frames", "must be 1 or more");
  if (denoise_steps < 1) report("denoise_steps", "must be 1 or more");
}

}  // namespace nextframe
