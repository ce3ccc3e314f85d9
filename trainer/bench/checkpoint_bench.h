// Times checkpointing: how fast a state reaches the disk, and how long training waits for it.
#pragma once

#include <cstdint>
#include <filesystem>

namespace nextframe {

struct CheckpointBenchOptions {
  std::filesystem::path folder;  // on the disk in question; emptied of what the bench wrote
  int64_t state_bytes = 0;       // parameters, two moments and the weight average together
  int64_t saves = 3;
  int64_t steps_between = 50;
  double step_s = 0.1;  // of computing that stands for a training step
};

/// Times are medians over the saves.
struct CheckpointBench {
  int64_t state_bytes = 0;
  double copy_s = 0;        // into the reused buffer: what a step waits for
  double hash_s = 0;        // hashing all chunks, nothing else
  double disk_write_s = 0;  // writing and flushing as many bytes, nothing else
  double disk_read_s = 0;   // reading them past the page cache, nothing else
  double write_s = 0;       // the whole: hash, write, flush, read back, compare
  double commit_s = 0;      // manifest, rename, folders flushed
  double stall_s = 0;       // that training waited for one save in total
  double between_s = 0;     // from one save to the next
  double slowdown = 0;      // of computing during a save: 0.1 means 10 % less done
  double stall_share() const { return stall_s / between_s; }
};

/// One rank, one thread of LibTorch.
CheckpointBench bench_checkpoint(const CheckpointBenchOptions& options);

}  // namespace nextframe
