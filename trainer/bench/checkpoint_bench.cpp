#include "trainer/bench/checkpoint_bench.h"

#include "data/direct_file.h"
#include "data/direct_reader.h"
#include "kernels/torch.h"
#include "launch/communicator.h"
#include "trainer/bench/bench_results.h"
#include "trainer/checkpoint/background_saver.h"
#include "trainer/checkpoint/rank_part.h"
#include "trainer/checkpoint/store.h"

namespace nextframe {
namespace {
namespace fs = std::filesystem;

constexpr int64_t kStateBuffers = 4;

/// Layers of a transformer 512 wide, as many as give the bytes that were asked for.
struct LayersModel : torch::nn::Module {
  explicit LayersModel(int64_t num_parameters) {
    int64_t left = num_parameters;
    for (int layer = 0; left > 0; ++layer) {
      const auto add = [&](const std::string& name, at::IntArrayRef sizes) {
        left -= register_parameter(name + std::to_string(layer), at::randn(sizes)).numel();
      };
      add("attention", {4, 512, 512}), add("up", {2, 1408, 512}), add("down", {512, 1408});
      add("norm", {512});
    }
  }
};

/// A run that does nothing but compute and save.
class Run {
 public:
  explicit Run(const CheckpointBenchOptions& options)
      : options_(options),
        model_(options.state_bytes / kStateBuffers / static_cast<int64_t>(sizeof(float))),
        parameters_(model_),
        rules_({.ema_decay = 0.999}, parameters_),
        optimizer_(parameters_, rules_),
        left_(at::randn({512, 512})),
        product_(at::empty({512, 512})) {
    for (const auto& chunk : part().chunks) state_bytes_ += chunk.count * 4;
  }

  RankPart part() const { return part_of_rank(state(0), 0, 1); }
  int64_t state_bytes() const { return state_bytes_; }

  /// Fills what was written alone before, and the phases of one save by themselves.
  void time_phases(CheckpointBench& bench);

  /// Saves while computing goes on.
  void time_saves(CheckpointBench& bench);

 private:
  RunState state(int64_t step) const {
    return {parameters_, optimizer_.state(), {step, step, 0, {}, {}}};
  }
  int64_t compute_for(double seconds);

  const CheckpointBenchOptions& options_;
  LayersModel model_;
  FlatParameters parameters_;
  UpdateRules rules_;
  Optimizer optimizer_;
  at::Tensor left_, product_;
  int64_t state_bytes_ = 0;
};

/// Returns how many products were done.
int64_t Run::compute_for(double seconds) {
  int64_t products = 0;
  for (double spent_s = 0; spent_s < seconds; ++products)
    spent_s += seconds_of([&] { at::mm_out(product_, left_, left_); });
  return products;
}

void Run::time_phases(CheckpointBench& bench) {
  PartBuffer buffer;
  auto held = buffer.hold(part());  // the first copy makes the memory
  const auto temporary = options_.folder / "step_00000000.tmp";
  const auto file = temporary / rank_file_name(0);
  const fs::path alone = options_.folder / "alone.tmp";
  std::vector<double> copy_s, hash_s, disk_write_s, disk_read_s, write_s, commit_s;
  for (int64_t round = 0; round < options_.saves; ++round) {
    copy_s.push_back(seconds_of([&] { held = buffer.hold(part()); }));
    hash_s.push_back(seconds_of([&] {
      for (const auto& chunk : held.chunks)
        chunk_hash(chunk.tensor, chunk.sizes, chunk.number, chunk.values, chunk.count);
    }));
    disk_write_s.push_back(seconds_of([&] {
      DirectFile out(alone);
      for (const auto& chunk : held.chunks)
        out.append(chunk.values, static_cast<size_t>(chunk.count) * sizeof(float));
      out.finish();
    }));
    disk_read_s.push_back(seconds_of([&] {
      DirectReader in(alone);
      std::vector<float> values(kChunkElements);
      for (const auto& chunk : held.chunks)
        in.read(values.data(), static_cast<size_t>(chunk.count) * sizeof(float));
    }));
    fs::remove(alone);
    fs::create_directories(temporary);
    std::string pieces;
    WriterPulse pulse;
    write_s.push_back(seconds_of([&] { pieces = write_rank_part(file, held, pulse); }));
    const auto committed = options_.folder / checkpoint_name(round);
    commit_s.push_back(seconds_of([&] { commit_checkpoint(temporary, committed, {}, {pieces}); }));
    fs::remove_all(committed);
  }
  bench.copy_s = median(copy_s), bench.hash_s = median(hash_s);
  bench.disk_write_s = median(disk_write_s), bench.disk_read_s = median(disk_read_s);
  bench.write_s = median(write_s), bench.commit_s = median(commit_s);
}

void Run::time_saves(CheckpointBench& bench) {
  const auto control = make_solo_communicator();
  BackgroundSaver saver(*control, options_.folder, {2}, [](const std::string&) {});
  saver.begin(state(0), {});
  saver.finish();
  saver.take_stall_s();
  std::vector<double> stall_s, between_s;
  double products_saving = 0, steps_saving = 0, products_alone = 0, steps_alone = 0;
  for (int64_t save = 1; save <= options_.saves; ++save) {
    between_s.push_back(seconds_of([&] {
      saver.begin(state(save), {});
      for (int64_t step = 0; step < options_.steps_between; ++step) {
        const bool was_saving = saver.is_under_way();
        const auto products = static_cast<double>(compute_for(options_.step_s));
        (was_saving ? products_saving : products_alone) += products;
        (was_saving ? steps_saving : steps_alone) += 1;
        saver.advance(saver.has_saved(), saver.has_failed());
      }
      saver.finish();
    }));
    stall_s.push_back(saver.take_stall_s());
  }
  bench.stall_s = median(stall_s), bench.between_s = median(between_s);
  if (steps_saving > 0 && steps_alone > 0)
    bench.slowdown = 1 - products_saving / steps_saving * steps_alone / products_alone;
}

}  // namespace

CheckpointBench bench_checkpoint(const CheckpointBenchOptions& options) {
  Run run(options);
  CheckpointBench bench;
  bench.state_bytes = run.state_bytes();
  run.time_phases(bench);
  run.time_saves(bench);
  return bench;
}

}  // namespace nextframe
