#include "trainer/trainer_config.h"

#include <c10/util/StringUtil.h>

namespace nextframe {
namespace {

constexpr double kMostSteps = 1e9, kMostSeconds = 1e7;
constexpr Range kBucketRange{1, int64_t{1} << 40};

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
  field("lr", lr, "peak learning rate", Range::above(0, 1e30));
  field("beta1", beta1, "decay a step of the gradient's average", Range::below(0, 1));
  field("beta2", beta2, "decay a step of the squared gradient's average", Range::below(0, 1));
  field("epsilon", epsilon, "added to the root of the squared gradient's average",
        Range{1e-30, 1, "a smaller one is 0 in fp32"});
  field("weight_decay", weight_decay, "decoupled; on tensors of two or more dimensions",
        Range{0, 1e4});
  field("clip_norm", clip_norm, "largest norm of the whole gradient; 0 turns clipping off",
        Range{0, 1e30});
  field("ema_decay", ema_decay, "decay a step of the weight average; 0 keeps none",
        Range::below(0, 1));
}

void OptimizerConfig::check(const Report&) const {}

void TrainerConfig::fields(FieldVisitor& field) {
  field("steps", steps, "optimizer steps; may grow where the schedule is constant or wsd",
        Range{1, kMostSteps});
  field("global_batch", global_batch, "clips a step, over all ranks", Range{1, 1 << 20});
  field("grains", grains,
        "pieces of fixed shape that a step is cut into; divides global_batch, and ranks own them",
        Range{1, 65536});
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
  field("seed", seed, "of parameters, sample order and noise",
        Range{0, static_cast<double>(std::numeric_limits<int64_t>::max())});
  field.free("log_every_steps", log_every_steps, "steps from one logged line to the next",
             Range{1, kMostSteps});
  field("max_bad_steps", max_bad_steps,
        "bad steps in a row that are skipped; then the run goes back and does without their clips",
        Range{1, 1e6});
  field.free("max_rollbacks", max_rollbacks,
             "times that a run goes back without getting further; then it ends with exit code 6",
             Range{0, 1e6});
  field.free("max_minutes", max_minutes,
             "minutes from a start until the run saves and ends with exit code 75; 0: no limit",
             Range{0, 1e6});
  field.free("peak_tflops", peak_tflops,
             "TFLOP/s of a rank's device that MFU is told of; 0: what its maker states where it is "
             "known, else what a large product reaches",
             Range{0, 1e6});
  field("skip_spikes_above_z", skip_spikes_above_z,
        "a loss or gradient norm so many robust standard deviations above the last 128 is bad too; "
        "0: only what is not finite is",
        Range{0, 1e6});
}

void TrainerConfig::check(const Report& report) const {
  if (grains > global_batch) {
    report("grains", c10::str("is more than trainer.global_batch = ", global_batch));
  } else if (global_batch % grains != 0) {
    report("grains", c10::str("does not divide trainer.global_batch = ", global_batch,
                              "; nearest: ", nearest_divisors(global_batch, grains)));
  }
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
  field("threads", threads, "CPU threads a rank", Range{1, 1024});
  field.free("first_bucket_bytes", first_bucket_bytes,
             "bytes of the gradient that are exchanged first, while backward goes on",
             kBucketRange);
  field.free("bucket_bytes", bucket_bytes, "bytes of each bucket that follows", kBucketRange);
  field.free(
      "hang_limit_s", hang_limit_s,
      "seconds that a step may take before the job ends as hung (exit 86); 0: five times the "
      "longest so far, at least 10",
      Range{0, kMostSeconds});
  field.free("pause_limit_s", pause_limit_s,
             "the same for starting, the first five steps, saving and evaluating",
             Range::above(0, kMostSeconds));
}

void ParallelConfig::check(const Report&) const {}

void CheckpointConfig::fields(FieldVisitor& field) {
  field.free("every_steps", every_steps, "steps from one checkpoint to the next",
             Range{1, kMostSteps});
  field.free("keep", keep, "newest checkpoints kept; at least 2, so that one is always whole",
             Range{2, 1e6, "the newest one may be half written"});
  field.free(
      "keep_best", keep_best,
      "kept beside them: so many of those with the lowest one-step error on data.validation, "
      "of the steps that evaluate.every_steps measures too",
      Range{0, 1e6});
  field.free("timeout_s", timeout_s,
             "seconds without progress on disk, after which waiting for a save is an error",
             Range::above(0, kMostSeconds));
  field.free("digest_every_steps", digest_every_steps,
             "steps from one digest in metrics.jsonl to the next; 0 writes none",
             Range{0, kMostSteps});
}

void CheckpointConfig::check(const Report&) const {}

void EvaluateConfig::fields(FieldVisitor& field) {
  field.free("every_steps", every_steps,
             "steps from one evaluation to the next; 0 evaluates only when asked", Range{0, 1e9});
  field.free("episodes", episodes, "held-out episodes, the first ones by index", Range{1, 1e9});
  field.free("context_frames", context_frames, "true frames before a rollout", Range{1, 65536});
  field.free("horizon_frames", horizon_frames, "rolled-out frames", Range{1, 1e6});
  field.free("denoise_steps", denoise_steps, "network calls a frame of a sampling objective",
             Range{1, 1e4});
}

void EvaluateConfig::check(const Report&) const {}

}  // namespace nextframe
