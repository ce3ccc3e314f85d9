// The `run`, `optimizer`, `trainer`, `parallel`, `checkpoint` and `evaluate` sections of a config.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/base/fields.h"

namespace nextframe {

struct RunConfig {
  std::string name;  // folder under runs/; default: the config file's stem

  void fields(FieldVisitor& field);
  void check(const Report& report) const;
};

/// The `optimizer` section of a config.
struct OptimizerConfig {
  std::string matrices = "adamw";  // adamw | muon: how the matrices of the trunk's blocks change
  double lr = 1e-3;                // peak learning rate
  double beta1 = 0.9;
  double beta2 = 0.95;
  double epsilon = 1e-8;
  double weight_decay = 0.01;  // decoupled; on tensors of two or more dimensions
  double clip_norm = 1.0;      // of the whole gradient; 0 turns clipping off
  double ema_decay = 0.0;      // of the weight average; 0 keeps none

  void fields(FieldVisitor& field);
  void check(const Report& report) const;
};

struct TrainerConfig {
  int64_t steps = 1000;
  int64_t global_batch = 8;           // clips a step, over all ranks
  int64_t grains = 8;                 // microbatches of fixed shape; a divisor of global_batch
  std::string precision = "fp32";     // fp32 | bf16 products
  std::string recompute = "none";     // none | block | attention
  std::string flash_kernels = "mma";  // mma | hopper | cudnn: for long attention on a GPU
  bool cuda_graphs = false;           // record grains and the optimizer's step as CUDA graphs
  int64_t seed = 0;
  int64_t log_every_steps = 10;
  int64_t max_bad_steps = 3;  // in a row, before the run rolls back to a checkpoint
  int64_t max_rollbacks = 2;  // without getting past the bad steps
  double peak_tflops = 0;     // of a rank's device, for MFU; 0: looked up by name, else measured
  double max_minutes = 0;     // of one start, then save and end; 0: no limit
  double skip_spikes_above_z = 0;  // in robust standard deviations; 0: never skip finite numbers

  void fields(FieldVisitor& field);
  void check(const Report& report) const;
};

struct ParallelConfig {
  std::string reduce = "strict";      // strict | fast
  std::string shard = "none";         // none | optimizer | gradients | parameters (ZeRO-1, -2, -3)
  std::string shard_group = "world";  // world | node: the ranks among which state is sharded
  std::string device = "auto";        // auto | cpu | cuda
  int64_t threads = 1;                // CPU threads a rank
  int64_t first_bucket_bytes = int64_t{1} << 20;  // of the first gradient bucket
  int64_t bucket_bytes = int64_t{25} << 20;       // of each further bucket
  double hang_limit_s = 0;      // that a step may take; 0: automatic (launch/hang/section_stack.h)
  double pause_limit_s = 1800;  // for starting, saving or evaluating

  void fields(FieldVisitor& field);
  void check(const Report& report) const;
};

struct CheckpointConfig {
  int64_t every_steps = 200;
  int64_t keep = 3;                // newest ones kept; at least 2
  int64_t keep_best = 0;           // kept beside them: those with the lowest validation error
  double timeout_s = 600;          // without progress on disk, before a save counts as failed
  int64_t digest_every_steps = 0;  // how often metrics.jsonl gets the state's digest; 0: never

  void fields(FieldVisitor& field);
  void check(const Report& report) const;
};

struct EvaluateConfig {
  int64_t every_steps = 0;     // evaluation and samples while training; 0 only when asked by `eval`
  int64_t episodes = 64;       // held-out episodes, the first ones by index
  int64_t context_frames = 8;  // true frames before a rollout
  int64_t horizon_frames = 32;  // rolled-out frames
  int64_t denoise_steps = 4;    // of a sampling objective
  double guidance = 1;          // of actions, see RolloutOptions

  void fields(FieldVisitor& field);
  void check(const Report& report) const;
};

}  // namespace nextframe
