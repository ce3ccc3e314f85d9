// nextframe bench checkpoint: how fast a state is saved, and how little a run waits for it.
#include <unistd.h>

#include <cstdio>

#include "data/durable_file.h"
#include "kernels/torch.h"
#include "trainer/bench/bench_results.h"
#include "trainer/bench/checkpoint_bench.h"
#include "trainer/commands/command.h"
#include "trainer/exit_code.h"

namespace nextframe {
namespace {
namespace fs = std::filesystem;

constexpr double kStallGate = 0.02;

struct BenchCheckpointArguments {
  std::string folder = ".";
  int64_t state_mib = 256;
  int64_t saves = 5;
  int64_t steps = 50;
  int64_t step_ms = 100;
  bool json = false;
};

std::vector<BenchResult> figures_of(const CheckpointBench& bench) {
  const auto bytes = static_cast<double>(bench.state_bytes);
  const auto rate = [&](const std::string& what, double seconds) {
    return BenchResult{"checkpoint/" + what + "/fp32/state", "bytes/s", bytes / seconds, "", 0, 0};
  };
  return {rate("save", bench.write_s + bench.commit_s),
          rate("copy", bench.copy_s),
          rate("hash", bench.hash_s),
          rate("disk_write", bench.disk_write_s),
          rate("disk_read", bench.disk_read_s),
          {"checkpoint/commit/fp32/state", "s", bench.commit_s, "", 0, 0},
          {"checkpoint/stall/fp32/state", "s", bench.stall_s, "", 0, 0},
          {"checkpoint/stall_share/fp32/state", "1", bench.stall_share(), "", 0, 0},
          {"checkpoint/slowdown/fp32/state", "1", bench.slowdown, "", 0, 0}};
}

void print(const CheckpointBench& bench, const BenchCheckpointArguments& options) {
  const double mb = static_cast<double>(bench.state_bytes) / 1e6;
  const auto line = [&](const char* what, double seconds) {
    std::printf("  %-46s %8.1f ms  %7.0f MB/s\n", what, seconds * 1e3, mb / seconds);
  };
  std::printf("a state of %.0f MB in %s, one rank; medians of %lld saves\n", mb,
              options.folder.c_str(), static_cast<long long>(options.saves));
  line("saved: written, read back, committed", bench.write_s + bench.commit_s);
  line("of that the commit", bench.commit_s);
  line("writing and flushing as many bytes, alone", bench.disk_write_s);
  line("reading them from the disk, alone", bench.disk_read_s);
  line("hashing them, alone (done twice)", bench.hash_s);
  line("copying them, which a step waits for", bench.copy_s);
  std::printf("a save every %lld steps of %lld ms: the run waited %.1f ms of %.2f s, %.2f %%\n",
              static_cast<long long>(options.steps), static_cast<long long>(options.step_ms),
              bench.stall_s * 1e3, bench.between_s, 100 * bench.stall_share());
  std::printf("while a save was under way, computing was %.1f %% slower\n", 100 * bench.slowdown);
  if (bench.stall_share() > kStallGate)
    std::printf("MISSED: the aim is at most %.0f %%\n", 100 * kStallGate);
}

int bench_checkpoint_command(const BenchCheckpointArguments& options) {
  at::set_num_threads(1);
  const auto folder = fs::path(options.folder) / ("bench-checkpoint-" + std::to_string(::getpid()));
  make_folder(folder);
  CheckpointBench bench;
  try {
    bench = bench_checkpoint({folder, options.state_mib << 20, options.saves, options.steps,
                              static_cast<double>(options.step_ms) / 1e3});
  } catch (...) {
    fs::remove_all(folder);
    throw;
  }
  fs::remove_all(folder);
  if (options.json) {
    print_json(figures_of(bench));
  } else {
    print(bench, options);
  }
  return 0;
}

CommandBody set_up_bench_checkpoint(CLI::App& app) {
  app.group(kTrainingCommands);
  const auto options = std::make_shared<BenchCheckpointArguments>();
  app.add_option("--out", options->folder,
                 "folder on the disk to measure; default: the current one");
  app.add_option("--mib", options->state_mib, "size of the training state in MiB")
      ->check(CLI::Range(1, 1 << 20));
  app.add_option("--rounds", options->saves, "number of saves to time")->check(CLI::Range(1, 1000));
  app.add_option("--steps", options->steps, "steps between two saves")
      ->check(CLI::Range(1, 100000));
  app.add_option("--step-ms", options->step_ms, "milliseconds of computing that imitate one step")
      ->check(CLI::Range(1, 100000));
  app.add_flag("--json", options->json, "print one JSON value on standard output");
  return [options] { return bench_checkpoint_command(*options); };
}

}  // namespace

NF_REGISTER_COMMAND(bench_checkpoint, "bench checkpoint",
                    "time saving a synthetic training state, and how long training waits for it",
                    set_up_bench_checkpoint)

}  // namespace nextframe
