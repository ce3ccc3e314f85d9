#include "trainer/plan/workload.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "data/direct_file.h"
#include "data/direct_reader.h"
#include "kernels/orthogonalise.h"
#include "kernels/torch.h"
#include "trainer/bench/bench_results.h"
#include "trainer/optimizer/update_rules.h"

namespace nextframe {
namespace {

constexpr int64_t kPaddedTo = 16;  // elements; see FlatParameters

}  // namespace

int64_t Workload::muon_elements() const {
  int64_t elements = 0;
  for (const auto& tensor : muon) elements += tensor.elements;
  return elements;
}

double Workload::muon_flops() const {
  double flops = 0;
  for (const auto& tensor : muon) flops += tensor.flops;
  return flops;
}

Workload workload_of(const Config& config, const Model& model) {
  Workload work;
  std::map<std::string, int64_t> blocks;  // "blocks.3" -> elements
  for (const auto& item : model.named_parameters()) {
    const int64_t count = item.value().numel();
    work.parameters += count;
    work.flat_elements += (count + kPaddedTo - 1) / kPaddedTo * kPaddedTo;
    ++work.tensors;
    const auto& name = item.key();
    auto& place = name.starts_with("blocks.") ? blocks[name.substr(0, name.find('.', 7))]
                                              : work.outside_elements;
    place += count;
  }
  if (config.optimizer.matrices == "muon") {
    for (const auto& [name, matrix] : matrices_of_blocks(model)) {
      work.muon.push_back({matrix.numel(), orthogonalise_flops(matrix.size(0), matrix.size(1),
                                                               model.matrices_in(name))});
    }
  }
  for (const auto& [name, count] : blocks)
    work.block_elements = std::max(work.block_elements, count);
  const auto& trainer = config.trainer;
  work.grains = trainer.grains;
  work.clips_per_grain = trainer.global_batch / trainer.grains;
  work.tokens_per_step = trainer.global_batch * model.tokens_per_clip();
  work.frames_per_step = trainer.global_batch * config.data.clip_frames;
  work.flops_per_grain = model.flops_per_clip() * static_cast<double>(work.clips_per_grain);
  work.has_average = config.optimizer.ema_decay > 0;
  work.shard = config.parallel.shard;
  work.shard_group = config.parallel.shard_group;
  work.is_strict = config.parallel.reduce == "strict";
  work.first_bucket_bytes = config.parallel.first_bucket_bytes;
  work.bucket_bytes = config.parallel.bucket_bytes;
  work.steps = trainer.steps;
  work.checkpoint_every_steps = config.checkpoint.every_steps;
  work.checkpoints_kept = config.checkpoint.keep;
  return work;
}

namespace {

constexpr size_t kBytes = size_t{64} << 20;

}  // namespace

double measure_memory_bytes_per_s() {
  const auto from = std::make_unique<char[]>(kBytes), to = std::make_unique<char[]>(kBytes);
  std::memset(from.get(), 1, kBytes);
  double best_s = 1e9;
  for (int round = 0; round < 6; ++round) {  // the first also makes the pages
    const double taken_s = seconds_of([&] { std::memcpy(to.get(), from.get(), kBytes); });
    if (round > 0) best_s = std::min(best_s, taken_s);
  }
  return 2.0 * static_cast<double>(kBytes) / best_s;
}

double measure_disk_bytes_per_s(const std::filesystem::path& folder) {
  const auto path = folder / (".nextframe-plan-" + std::to_string(getpid()));
  const std::string content(kBytes, 'n');
  std::string read(kBytes, ' ');
  const auto remove = [&] {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  };
  try {
    std::vector<double> taken_s;
    for (int round = 0; round < 3; ++round) {
      taken_s.push_back(seconds_of([&] {
        DirectFile file(path);
        file.append(content.data(), content.size());
        file.finish();
        DirectReader(path).read(read.data(), read.size());
      }));
      remove();
    }
    return static_cast<double>(kBytes) / median(taken_s);
  } catch (...) {
    remove();
    throw;
  }
}

double measure_muon_s(const Model& model) {
  const auto matrices = matrices_of_blocks(model);
  return measure_grain_s([&] {
    for (const auto& [name, matrix] : matrices) orthogonalise(matrix, model.matrices_in(name));
  });
}

double measure_grain_s(const std::function<void()>& grain) {
  constexpr double kLimit_s = 5;
  double all_s = seconds_of(grain);
  if (all_s < kLimit_s) all_s += seconds_of(grain);
  std::vector<double> times_s;
  for (int round = 0; round < 7 && (times_s.empty() || all_s < kLimit_s); ++round) {
    times_s.push_back(seconds_of(grain));
    all_s += times_s.back();
  }
  return median(times_s);
}

}  // namespace nextframe
