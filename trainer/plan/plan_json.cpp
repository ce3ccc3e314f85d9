#include <nlohmann/json.hpp>

#include "trainer/plan/plan_report.h"

namespace nextframe {
namespace {

using Json = nlohmann::ordered_json;

Json row_json(const PlanReport& report, const PlanRow& row) {
  const auto& plan = row.ranks;
  const auto& time = plan.time;
  Json memory;
  for (const auto& shard : report.shards) {
    const auto bytes =
        plan_bytes(report.work, plan.ranks, shard, plan.grains, report.rates.ranks_per_node);
    memory[shard] = {{"parameters", bytes.parameters}, {"gradients", bytes.gradients},
                     {"moments", bytes.moments},       {"average", bytes.average},
                     {"buckets", bytes.buckets},       {"activations", bytes.activations},
                     {"total", bytes.total()}};
  }
  return {{"ranks", plan.ranks},         {"nodes", plan.nodes},
          {"grains", plan.grains},       {"grains_per_rank", plan.grains_per_rank},
          {"balance", plan.balance},     {"efficiency", plan.efficiency},
          {"step_s", time.total_s()},    {"grains_s", time.grains_s},
          {"fold_s", time.fold_s},       {"exchange_s", time.exchange_s},
          {"exposed_s", time.exposed_s}, {"update_s", time.update_s},
          {"muon_s", time.muon_s},       {"sent_bytes", plan.sent_bytes},
          {"memory_bytes", memory},      {"best_interval_s", row.best_interval_s},
          {"goodput", row.goodput},      {"best_goodput", row.best_goodput},
          {"run_s", row.run_s}};
}

}  // namespace

std::string to_json(const PlanReport& report) {
  const auto& work = report.work;
  const auto& rates = report.rates;
  Json json = {{"model", report.model},
               {"parameters", work.parameters},
               {"muon_flops_per_step", work.muon_flops()},
               {"flops_per_step", work.flops_per_grain * static_cast<double>(work.grains)},
               {"tokens_per_step", work.tokens_per_step},
               {"frames_per_step", work.frames_per_step},
               {"activation_bytes", work.activation_bytes},
               {"checkpoint",
                {{"bytes", work.checkpoint_bytes()},
                 {"save_s", report.rows.front().save_s},
                 {"disk_bytes", work.checkpoint_bytes() * (work.checkpoints_kept + 1)},
                 {"every_steps", work.checkpoint_every_steps}}},
               {"rates",
                {{"grain_s", rates.grain_s},
                 {"muon_s", rates.muon_s},
                 {"memory_bytes_per_s", rates.memory_bytes_per_s},
                 {"exchange_bytes_per_s", rates.exchange_bytes_per_s},
                 {"message_s", rates.message_s},
                 {"disk_bytes_per_s", rates.disk_bytes_per_s},
                 {"cores_per_node", rates.cores_per_node},
                 {"ranks_per_node", rates.ranks_per_node},
                 {"node_mtbf_s", rates.node_mtbf_s},
                 {"restart_s", rates.restart_s}}},
               {"rows", Json::array()},
               {"advice", advice(report)}};
  for (const auto& row : report.rows) json["rows"].push_back(row_json(report, row));
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace nextframe
