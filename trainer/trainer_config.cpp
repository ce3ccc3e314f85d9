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
  field.free("name", name,
             "name of the run's folder under runs/; default: the config file's name without .yaml");
}

void RunConfig::check(const Report& report) const {
  if (name.find('/') != std::string::npos || name == "." || name == "..") {
    report("name", "must be one folder's name, without '/'; a whole path is given with --run");
  }
}

void OptimizerConfig::fields(FieldVisitor& field) {
  field("matrices", matrices,
        "update rule of the weight matrices in the model's blocks: adamw, or muon (orthogonalised "
        "momentum); all other parameters use AdamW",
        {"adamw", "muon"});
  field("lr", lr, "peak learning rate, reached after the warm-up", Range::above(0, 1e30));
  field("beta1", beta1, "AdamW's beta1: decay per step of the running mean of gradients",
        Range::below(0, 1));
  field("beta2", beta2, "AdamW's beta2: decay per step of the running mean of squared gradients",
        Range::below(0, 1));
  field("epsilon", epsilon,
        "AdamW's epsilon, added to the square root of the running mean of squared gradients",
        Range{1e-30, 1, "a smaller one is 0 in fp32"});
  field("weight_decay", weight_decay,
        "decoupled weight decay; applies to parameters of two or more dimensions only",
        Range{0, 1e4});
  field("clip_norm", clip_norm,
        "gradient clipping: largest L2 norm of all gradients together; 0 turns clipping off",
        Range{0, 1e30});
  field("ema_decay", ema_decay,
        "decay per step of the exponential moving average (EMA) of the weights, which "
        "evaluation then uses; 0 keeps none",
        Range::below(0, 1));
}

void OptimizerConfig::check(const Report&) const {}

void TrainerConfig::fields(FieldVisitor& field) {
  field("steps", steps,
        "number of optimizer steps; may be raised later if schedule.kind is constant or wsd",
        Range{1, kMostSteps});
  field("global_batch", global_batch, "clips per optimizer step, over all ranks together",
        Range{1, 1 << 20});
  field("grains", grains,
        "gradient accumulation: micro-batches per optimizer step, over all ranks together; "
        "must divide global_batch, and is the largest number of ranks",
        Range{1, 65536});
  field("precision", precision,
        "number format of matrix products and attention; weights and everything else stay "
        "fp32",
        {"fp32", "bf16"});
  field.free("recompute", recompute,
             "activation checkpointing: backward recomputes each whole block, or only its "
             "attention, instead of storing its activations",
             {"none", "block", "attention"});
  field("flash_kernels", flash_kernels,
        "flash attention kernels for long sequences on a GPU: mma (ours, any GPU), hopper "
        "(ours, compute capability 9.0), cudnn (NVIDIA's; plain causal and full masks only)",
        {"mma", "hopper", "cudnn"});
  field.free("cuda_graphs", cuda_graphs,
             "replay each micro-batch and the optimizer step as a CUDA graph; should give the "
             "same bits, but has never run on a GPU yet");
  field("seed", seed, "random seed of initial parameters, sample order and noise",
        Range{0, static_cast<double>(std::numeric_limits<int64_t>::max())});
  field.free("log_every_steps", log_every_steps,
             "optimizer steps between two lines of the log and of metrics.jsonl",
             Range{1, kMostSteps});
  field("max_bad_steps", max_bad_steps,
        "number of bad steps in a row (such as a loss of NaN) after which the run rolls back "
        "to a checkpoint and leaves out their clips; fewer are only skipped",
        Range{1, 1e6});
  field.free("max_rollbacks", max_rollbacks,
             "number of rollbacks without getting past the bad steps after which the run ends "
             "with exit code 6",
             Range{0, 1e6});
  field.free("max_minutes", max_minutes,
             "minutes after its start at which the program saves and ends with exit code 75; 0: "
             "no limit",
             Range{0, 1e6});
  field.free("peak_tflops", peak_tflops,
             "peak TFLOP/s of one rank's device, from which MFU is computed; 0: the maker's "
             "figure if known, else the measured speed of a large matrix product",
             Range{0, 1e6});
  field("skip_spikes_above_z", skip_spikes_above_z,
        "also count a step as bad if its loss or gradient norm is this many robust standard "
        "deviations above the median of the last 128 steps; 0: only if it is not finite",
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
  field("reduce", reduce,
        "how gradients are summed over ranks: strict (fixed order: the same bits on any "
        "number of ranks) or fast (the library's all-reduce)",
        {"strict", "fast"});
  field.free("shard", shard,
             "what is sharded over the ranks: none (DDP), optimizer (ZeRO-1), gradients (ZeRO-2) "
             "or parameters (ZeRO-3, FSDP)",
             {"none", "optimizer", "gradients", "parameters"});
  field.free("shard_group", shard_group,
             "ranks that share one sharded copy: all of them (world), or those of each node "
             "(node: hybrid sharding, HSDP)",
             {"world", "node"});
  field.free("device", device, "where to train; auto takes a GPU if there is one",
             {"auto", "cpu", "cuda"});
  field("threads", threads, "CPU threads that compute, per rank", Range{1, 1024});
  field.free("first_bucket_bytes", first_bucket_bytes,
             "size in bytes of the first gradient bucket to be exchanged while backward still "
             "runs",
             kBucketRange);
  field.free("bucket_bytes", bucket_bytes, "size in bytes of every later gradient bucket",
             kBucketRange);
  field.free("hang_limit_s", hang_limit_s,
             "seconds that a step may take before the job counts as hung and ends with exit code "
             "86; 0: five times the longest step so far, at least 10 s",
             Range{0, kMostSeconds});
  field.free("pause_limit_s", pause_limit_s,
             "seconds that anything but a step (starting, saving, evaluating), or one of the "
             "first five steps, may take before the job counts as hung",
             Range::above(0, kMostSeconds));
}

void ParallelConfig::check(const Report&) const {}

void CheckpointConfig::fields(FieldVisitor& field) {
  field.free("every_steps", every_steps, "optimizer steps between two checkpoints",
             Range{1, kMostSteps});
  field.free("keep", keep,
             "number of newest checkpoints to keep; at least 2, so that one is always complete",
             Range{2, 1e6, "the newest one may be half written"});
  field.free("keep_best", keep_best,
             "number of best checkpoints to keep besides: those with the lowest one-step error on "
             "data.validation, among steps that evaluate.every_steps evaluates",
             Range{0, 1e6});
  field.free("timeout_s", timeout_s,
             "seconds to wait for a save that makes no progress on disk before the run ends with "
             "an error",
             Range::above(0, kMostSeconds));
  field.free("digest_every_steps", digest_every_steps,
             "optimizer steps between two digests (hashes of the training state) in "
             "metrics.jsonl; 0: none",
             Range{0, kMostSteps});
}

void CheckpointConfig::check(const Report&) const {}

void EvaluateConfig::fields(FieldVisitor& field) {
  field.free("every_steps", every_steps,
             "optimizer steps between two evaluations while training; 0: none", Range{0, 1e9});
  field.free("episodes", episodes,
             "number of held-out episodes to evaluate on, the first ones that are long enough",
             Range{1, 1e9});
  field.free("context_frames", context_frames,
             "number of true frames that the model sees before a rollout", Range{1, 65536});
  field.free("horizon_frames", horizon_frames, "number of frames to predict in a rollout",
             Range{1, 1e6});
  field.free("denoise_steps", denoise_steps,
             "denoising steps (network calls) per predicted frame, for objectives that sample, "
             "such as flow",
             Range{1, 1e4});
  field.free("guidance", guidance,
             "how strongly a prediction follows its action, as a multiple of what the model "
             "learned (classifier-free guidance); other than 1 needs actions.dropout",
             Range{0, 100});
}

void EvaluateConfig::check(const Report&) const {}

}  // namespace nextframe
