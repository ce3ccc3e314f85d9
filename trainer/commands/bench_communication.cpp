// nextframe bench communication: what a gradient's exchange costs between the ranks of this job,
// and what the strict sum costs over the fast one.

#include <cstdio>

#include "kernels/torch.h"
#include "launch/mpi/mpi_session.h"
#include "launch/world.h"
#include "trainer/bench/bench_results.h"
#include "trainer/bench/communication_bench.h"
#include "trainer/commands/command.h"
#include "trainer/exit_code.h"
#include "trainer/parallel/process_groups.h"

namespace nextframe {
namespace {

struct CommunicationOptions {
  std::vector<int64_t> kib = {64, 1024, 4096, 16384, 65536};
  int64_t grains = 8, rounds = 21;
  bool json = false;
};

std::vector<BenchResult> figures_of(const CommunicationBench& bench, const std::string& shape) {
  const auto name = [&](const char* what) {
    return c10::str("communication/", what, "/fp32/", shape, "-", bench.bytes >> 10, "KiB");
  };
  const auto gigabytes_per_s = [&](double seconds) {
    return static_cast<double>(bench.bytes) / seconds / 1e9;
  };
  std::vector<BenchResult> figures = {{name("strict"), "ms", bench.strict_s * 1e3, "fast",
                                       bench.fast_s * 1e3, bench.fast_s / bench.strict_s}};
  const std::pair<const char*, double> others[] = {{"fast", bench.fast_s},
                                                   {"reduce_scatter", bench.reduce_scatter_s},
                                                   {"all_gather", bench.all_gather_s}};
  for (const auto& [what, seconds] : others)
    figures.push_back({name(what), "ms", seconds * 1e3, "", 0, 0});
  if (bench.one_level_s > 0) {
    figures.push_back({name("strict_two_levels"), "ms", bench.strict_s * 1e3, "one level",
                       bench.one_level_s * 1e3, bench.one_level_s / bench.strict_s});
  }
  figures.push_back({name("strict") + "/algorithm_bandwidth", "GB/s",
                     gigabytes_per_s(bench.strict_s), "fast", gigabytes_per_s(bench.fast_s),
                     bench.fast_s / bench.strict_s});
  return figures;
}

void print_heading(const World& world, int64_t grains) {
  std::printf("%lld rank%s on %s, %lld grains; median of the slowest rank's time\n",
              static_cast<long long>(world.size()), world.size() == 1 ? "" : "s",
              world.device().str().c_str(), static_cast<long long>(grains));
  if (world.size() == 1) {
    std::puts(
        "a rank alone exchanges nothing; for more: scripts/ranks 2 bin/nextframe bench "
        "communication");
  }
  const auto& nodes = world.nodes();
  if (nodes.has_two_levels()) {
    std::printf("%lld nodes of %lld ranks: the strict sum goes on two levels\n",
                static_cast<long long>(nodes.num_nodes),
                static_cast<long long>(nodes.ranks_per_node));
  }
  std::printf("%10s  %9s  %9s  %11s  %9s  %14s  %10s%s\n", "KiB", "strict ms", "fast ms",
              "strict/fast", "fast GB/s", "reduce_scatter", "all_gather",
              nodes.has_two_levels() ? "   one level" : "");
}

void print(const CommunicationBench& bench) {
  std::printf("%10lld  %9.3f  %9.3f  %11.2f  %9.2f  %14.3f  %10.3f",
              static_cast<long long>(bench.bytes >> 10), bench.strict_s * 1e3, bench.fast_s * 1e3,
              bench.strict_over_fast(), static_cast<double>(bench.bytes) / bench.fast_s / 1e9,
              bench.reduce_scatter_s * 1e3, bench.all_gather_s * 1e3);
  if (bench.one_level_s > 0) std::printf("  %10.3f", bench.one_level_s * 1e3);
  std::puts("");
  std::fflush(stdout);
}

int bench_communication_command(const CommunicationOptions& options) {
  const MpiSession session;
  const World world(session, {});
  if (world.size() > options.grains) {
    throw UsageError(c10::str("--grains ", options.grains, " cannot feed ", world.size(),
                              " ranks; give at least one a rank"));
  }
  const DeviceGroups devices(world, {});
  const auto shape = c10::str("R", world.size(), "-G", options.grains);
  const bool prints = world.is_root() && !options.json;
  if (prints) print_heading(world, options.grains);
  std::vector<BenchResult> figures;
  for (const int64_t kib : options.kib) {
    const auto bench = bench_communication(devices.groups(), world.device(), options.grains,
                                           kib << 10, options.rounds);
    if (prints) print(bench);
    const auto more = figures_of(bench, shape);
    figures.insert(figures.end(), more.begin(), more.end());
  }
  if (options.json && world.is_root()) print_json(figures);
  return 0;
}

CommandBody set_up_bench_communication(CLI::App& app) {
  app.group(kTrainingCommands);
  const auto options = std::make_shared<CommunicationOptions>();
  app.add_option("--kib", options->kib, "sizes of the gradient to try, in KiB")
      ->check(CLI::Range(1, 1 << 24));
  app.add_option("--grains", options->grains,
                 "micro-batches (grains) per step, over all ranks together")
      ->check(CLI::Range(1, 1 << 20));
  app.add_option("--rounds", options->rounds, "number of times that each is timed")
      ->check(CLI::Range(1, 1000000));
  app.add_flag("--json", options->json, "print one JSON value on standard output");
  return [options] { return bench_communication_command(*options); };
}

}  // namespace

NF_REGISTER_COMMAND(bench_communication, "bench communication",
                    "time the sum of gradients over ranks, with parallel.reduce strict and fast",
                    set_up_bench_communication)

}  // namespace nextframe
