#include "trainer/plan/plan_report.h"

#include <cmath>

#include "launch/text.h"
#include "trainer/records/console.h"

namespace nextframe {
namespace {

constexpr int64_t kMemoryWorthSaving = int64_t{2} << 30;  // of a grain's activations

std::string bytes_text(double bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < std::size(kUnits)) bytes /= 1024, ++unit;
  return format(unit == 0 || bytes >= 100 ? "%.0f %s" : "%.1f %s", bytes, kUnits[unit]);
}

std::string bytes_text(int64_t bytes) { return bytes_text(static_cast<double>(bytes)); }

std::string time_text(double seconds) {
  if (seconds < 1) return format("%.1f ms", seconds * 1e3);
  return seconds < 60 ? format("%.1f s", seconds) : format_duration(seconds);
}

long long whole(int64_t value) { return static_cast<long long>(value); }

std::string work_text(const PlanReport& report) {
  const auto& work = report.work;
  auto text = format("model        %s, %lld parameters in %lld tensors (%s in float32)\n",
                     report.model.c_str(), whole(work.parameters), whole(work.tensors),
                     bytes_text(work.parameters * 4).c_str());
  text += format("a step       %lld grains of %lld clips: %lld frames", whole(work.grains),
                 whole(work.clips_per_grain), whole(work.frames_per_step));
  if (work.tokens_per_step > 0) text += format(", %lld tokens", whole(work.tokens_per_step));
  if (work.flops_per_grain > 0) {
    text += format(", %.3g TFLOP", work.flops_per_grain * static_cast<double>(work.grains) * 1e-12);
  }
  if (!work.muon.empty()) {
    text +=
        format("\nmuon         %lld parameters in %lld matrices: %.3g TFLOP a step, %s on one rank",
               whole(work.muon_elements()), whole(std::ssize(work.muon)), work.muon_flops() * 1e-12,
               time_text(report.rates.muon_s).c_str());
  }
  text += format("\nthe run      %lld steps\n", whole(work.steps));
  for (const auto& source : report.sources) text += "machine      " + source + "\n";
  return text;
}

std::string times_text(const PlanReport& report) {
  std::string text =
      "\n  ranks  nodes  grains a rank  balance      step    frames/s  efficiency  sent a step  "
      "exchange   exposed     whole run\n";
  for (const auto& row : report.rows) {
    const auto& plan = row.ranks;
    const double frames = static_cast<double>(report.work.frames_per_step) *
                          static_cast<double>(plan.grains) /
                          static_cast<double>(report.work.grains);
    text += format("%7lld %6lld %14lld %7.0f %% %9s %11.0f %9.0f %% %12s %9s %9s %13s\n",
                   whole(plan.ranks), whole(plan.nodes), whole(plan.grains_per_rank),
                   100 * plan.balance, time_text(plan.time.total_s()).c_str(),
                   frames / plan.time.total_s(), 100 * plan.efficiency,
                   bytes_text(plan.sent_bytes).c_str(), time_text(plan.time.exchange_s).c_str(),
                   time_text(plan.time.exposed_s).c_str(), time_text(row.run_s).c_str());
  }
  return text;
}

std::string memory_text(const PlanReport& report) {
  const int64_t ranks = report.rows.back().ranks.ranks;
  auto text = format("\nmemory a rank on %lld ranks, by parallel.shard%s\n", whole(ranks),
                     report.work.shard_group == "node" ? ", split within each node" : "");
  text +=
      "  shard        parameters  gradients    moments    average    buckets  activations      "
      "total\n";
  for (const auto& shard : report.shards) {
    const auto bytes = plan_bytes(report.work, ranks, shard, report.rows.back().ranks.grains,
                                  report.rates.ranks_per_node);
    text += format("  %-11s %11s %10s %10s %10s %10s %12s %10s\n", shard.c_str(),
                   bytes_text(bytes.parameters).c_str(), bytes_text(bytes.gradients).c_str(),
                   bytes_text(bytes.moments).c_str(), bytes_text(bytes.average).c_str(),
                   bytes_text(bytes.buckets).c_str(),
                   bytes.activations > 0 ? bytes_text(bytes.activations).c_str() : "unknown",
                   bytes_text(bytes.total()).c_str());
  }
  if (report.work.activation_bytes > 0) {
    text += "  activations: measured on one grain, trainer.recompute = " + report.recompute + "\n";
  }
  return text;
}

std::string checkpoint_text(const PlanReport& report) {
  const auto& work = report.work;
  const double saved = static_cast<double>(work.checkpoint_bytes());
  auto text = format("\ncheckpoint   %s, %s to write; %lld kept and one in the making: %s\n",
                     bytes_text(saved).c_str(), time_text(report.rows.front().save_s).c_str(),
                     whole(work.checkpoints_kept),
                     bytes_text(saved * static_cast<double>(work.checkpoints_kept + 1)).c_str());
  if (report.rates.node_mtbf_s <= 0) return text;
  text +=
      "\n  ranks  a failure every  best interval  that is steps  every_steps  goodput  at best\n";
  for (const auto& row : report.rows) {
    const double step_s = row.ranks.time.total_s();
    text +=
        format("%7lld %16s %14s %14.0f %12lld %6.2f %% %6.2f %%\n", whole(row.ranks.ranks),
               time_text(report.rates.node_mtbf_s / static_cast<double>(row.ranks.nodes)).c_str(),
               time_text(row.best_interval_s).c_str(),
               std::max(1.0, std::round(row.best_interval_s / step_s)),
               whole(work.checkpoint_every_steps), 100 * row.goodput, 100 * row.best_goodput);
  }
  return text;
}

}  // namespace

PlanRow plan_row(const Workload& work, const MachineRates& rates, int64_t ranks, int64_t grains) {
  PlanRow row;
  row.ranks = plan_ranks(work, rates, ranks, grains);
  row.save_s = static_cast<double>(work.checkpoint_bytes()) / rates.disk_bytes_per_s;
  const Failures failures{rates.node_mtbf_s / static_cast<double>(row.ranks.nodes), row.save_s,
                          rates.restart_s};
  const double step_s = row.ranks.time.total_s();
  const double interval_s = static_cast<double>(work.checkpoint_every_steps) * step_s;
  row.best_interval_s = best_interval_s(failures);
  row.goodput = goodput(failures, interval_s);
  row.best_goodput = row.best_interval_s > 0
                         ? goodput(failures, std::max(row.best_interval_s, step_s))
                         : row.goodput;
  row.run_s = static_cast<double>(work.steps) * step_s / row.goodput;
  return row;
}

std::vector<std::string> advice(const PlanReport& report) {
  std::vector<std::string> lines;
  const auto& last = report.rows.back();
  const int64_t ranks = last.ranks.ranks;
  if (ranks > 1 && last.ranks.grains < 4 * ranks) {
    lines.push_back(
        format("trainer.grains = %lld on %lld ranks: 4 grains a rank or more (%lld) hide "
               "the exchange and even out unequal shares; that is another run",
               whole(last.ranks.grains), whole(ranks), whole(4 * ranks)));
  }
  if (ranks > 1 && report.work.shard == "none" && !report.work.muon.empty()) {
    lines.push_back(
        format("optimizer.matrices = muon: with parallel.shard = none each of %lld ranks "
               "orthogonalises all matrices, %.0f %% of a step; parallel.shard = optimizer deals "
               "them out, with the same bits",
               whole(ranks), 100 * last.ranks.time.muon_s / last.ranks.time.total_s()));
  }
  if (last.ranks.time.exposed_s > 0.1 * last.ranks.time.total_s()) {
    lines.push_back(
        format("%.0f %% of a step on %lld ranks waits for gradients: more clips a grain, "
               "more grains a rank, or a faster network",
               100 * last.ranks.time.exposed_s / last.ranks.time.total_s(), whole(ranks)));
  }
  if (report.rates.node_mtbf_s > 0 && last.goodput < last.best_goodput - 0.005) {
    const double steps = std::round(last.best_interval_s / last.ranks.time.total_s());
    lines.push_back(format("checkpoint.every_steps = %.0f would waste less on %lld ranks",
                           std::max(1.0, steps), whole(ranks)));
  }
  const bool is_large = report.work.activation_bytes > kMemoryWorthSaving;
  if (is_large && report.work.activation_bytes > 2 * report.work.flat_bytes() &&
      report.recompute == "none") {
    lines.push_back(
        "activations hold most of the memory: trainer.recompute = block keeps a block's "
        "input only, for a third more work");
  }
  return lines;
}

std::string to_text(const PlanReport& report) {
  auto text =
      work_text(report) + times_text(report) + memory_text(report) + checkpoint_text(report);
  const auto lines = advice(report);
  if (!lines.empty()) text += "\n";
  for (const auto& line : lines) text += "advice       " + line + "\n";
  return text;
}

}  // namespace nextframe
