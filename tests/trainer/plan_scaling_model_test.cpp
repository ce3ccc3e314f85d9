#include <gtest/gtest.h>

#include <algorithm>

#include "trainer/plan/plan_report.h"
#include "trainer/plan/scaling_model.h"

namespace nextframe {
namespace {

Workload work() {
  Workload result;
  result.parameters = result.flat_elements = 16 << 20;  // 64 MiB
  result.grains = 8;
  result.first_bucket_bytes = 1 << 20;
  result.bucket_bytes = 25 << 20;
  result.steps = 100;
  result.checkpoint_every_steps = 10;
  result.frames_per_step = 64;
  return result;
}

MachineRates rates() {
  MachineRates result;
  result.grain_s = 0.1;
  result.memory_bytes_per_s = 1e10;
  result.exchange_bytes_per_s = 1e9;
  result.message_s = 0;
  result.disk_bytes_per_s = 1e9;
  result.cores_per_node = result.ranks_per_node = 4;
  return result;
}

TEST(ScalingModel, ARankAloneComputesEverythingAndSendsNothing) {
  const auto plan = plan_ranks(work(), rates(), 1);
  EXPECT_EQ(plan.grains_per_rank, 8);
  EXPECT_DOUBLE_EQ(plan.time.grains_s, 0.8);
  EXPECT_EQ(plan.sent_bytes, 0);
  EXPECT_EQ(plan.time.exposed_s, 0);
  EXPECT_EQ(plan.efficiency, 1);
}

/// A quarter of the model is AdamW's, the rest four matrices of equal size.
TEST(ScalingModel, MatricesOfMuonAreDealtWholeWhereStateIsSplit) {
  auto muon = work();
  auto here = rates();
  muon.muon.assign(4, {3 << 20, 1e9});
  here.muon_s = 0.4;
  EXPECT_DOUBLE_EQ(plan_ranks(muon, here, 1).time.muon_s, 0.4);
  EXPECT_DOUBLE_EQ(plan_ranks(muon, here, 4).time.muon_s, 0.4) << "every rank does everything";
  for (const char* shard : {"optimizer", "gradients", "parameters"}) {
    muon.shard = shard;
    EXPECT_DOUBLE_EQ(plan_ranks(muon, here, 2).time.muon_s, 0.2) << shard;
    EXPECT_DOUBLE_EQ(plan_ranks(muon, here, 3).time.muon_s, 0.2) << "one rank has two of four";
    EXPECT_DOUBLE_EQ(plan_ranks(muon, here, 16).time.muon_s, 0.1) << "no matrix is cut";
  }
  EXPECT_GT(plan_ranks(muon, here, 1).time.total_s(),
            plan_ranks(work(), rates(), 1).time.total_s());
  const int64_t mib = 1 << 20;
  EXPECT_EQ(plan_bytes(work(), 1, "none").moments, 128 * mib);
  EXPECT_EQ(plan_bytes(muon, 1, "none").moments, (64 + 16) * mib);
  EXPECT_EQ(plan_bytes(muon, 4, "optimizer").moments, (16 + 4) * mib);
  EXPECT_EQ(plan_bytes(muon, 16, "optimizer").moments, (12 + 1) * mib) << "a matrix of 12 MiB";
  EXPECT_EQ(muon.checkpoint_bytes(), work().checkpoint_bytes() - 48 * mib);
}

TEST(ScalingModel, MuonThatEveryRankComputesIsAdvisedAgainst) {
  PlanReport report;
  report.work = work();
  report.rates = rates();
  report.rates.muon_s = 0.4;
  report.rows = {plan_row(report.work, report.rates, 2, 0)};
  const auto advises = [&] {
    return std::ranges::any_of(advice(report), [](const std::string& line) {
      return line.find("parallel.shard = optimizer") != std::string::npos;
    });
  };
  EXPECT_FALSE(advises()) << "no matrices";
  report.work.muon.assign(4, {3 << 20, 1e9});
  report.rows = {plan_row(report.work, report.rates, 2, 0)};
  EXPECT_TRUE(advises());
  report.work.shard = "optimizer";
  EXPECT_FALSE(advises());
}

TEST(ScalingModel, UnequalSharesCostWhatTheBusiestRankTakes) {
  EXPECT_NEAR(plan_ranks(work(), rates(), 3).balance, 8.0 / 9, 1e-12);
  EXPECT_NEAR(plan_ranks(work(), rates(), 7).balance, 8.0 / 14, 1e-12);
  EXPECT_EQ(plan_ranks(work(), rates(), 8).balance, 1);
}

TEST(ScalingModel, ARankSendsItsNodesAndOnceTheSum) {
  const double gradient = 64.0 * (1 << 20);
  EXPECT_EQ(plan_ranks(work(), rates(), 2).sent_bytes, std::llround(gradient * 2 / 2));
  EXPECT_EQ(plan_ranks(work(), rates(), 4).sent_bytes, std::llround(gradient * 2 * 3 / 4));
  // Grains 2, 3, 4 of 8: the node of 2 and 3, and 4 alone.
  EXPECT_EQ(plan_ranks(work(), rates(), 3).sent_bytes, std::llround(gradient * 3 * 2 / 3));
}

TEST(ScalingModel, BackwardHidesTheExchangeUpToTheLastBucket) {
  auto slow = rates();
  slow.grain_s = 10;  // hides everything but the last of 1 + 25 + 25 + 13 MiB
  const auto plan = plan_ranks(work(), slow, 2);
  EXPECT_NEAR(plan.time.exposed_s, plan.time.exchange_s * 13 / 64, 1e-9);
  auto fast = rates();
  fast.grain_s = 0;
  EXPECT_EQ(plan_ranks(work(), fast, 2).time.exposed_s,
            plan_ranks(work(), fast, 2).time.exchange_s);
}

TEST(ScalingModel, MoreRanksThanCoresShareThem) {
  auto two_cores = rates();
  two_cores.cores_per_node = two_cores.ranks_per_node = 2;
  EXPECT_EQ(plan_ranks(work(), two_cores, 2).time.grains_s, 0.4);
  two_cores.ranks_per_node = 4;
  EXPECT_EQ(plan_ranks(work(), two_cores, 4).time.grains_s, 0.4) << "no faster than two";
}

TEST(ScalingModel, SplittingTheMomentsDividesThemByTheRanks) {
  const auto whole = plan_bytes(work(), 4, "none"), split = plan_bytes(work(), 4, "optimizer");
  EXPECT_EQ(whole.parameters, 64 << 20);
  EXPECT_EQ(whole.moments, 128 << 20);
  EXPECT_EQ(split.moments, 32 << 20);
  EXPECT_LT(split.total(), whole.total());
  EXPECT_EQ(plan_bytes(work(), 1, "optimizer").total(), plan_bytes(work(), 1, "none").total());
}

TEST(ScalingModel, SplittingMoreSendsMoreAndHoldsLess) {
  auto split = work();
  std::vector<int64_t> held, sent;
  for (const char* shard : {"none", "optimizer", "gradients", "parameters"}) {
    split.shard = shard;
    sent.push_back(plan_ranks(split, rates(), 2).sent_bytes);
    held.push_back(plan_bytes(split, 4, shard).total());
  }
  const int64_t half = 32 << 20;  // (W - 1) / W of the gradient
  EXPECT_EQ(sent, (std::vector<int64_t>{2 * half, 2 * half, 5 * half, 12 * half}));
  EXPECT_TRUE(std::is_sorted(held.rbegin(), held.rend())) << held[0] << " " << held[3];
}

TEST(CheckpointInterval, IsYoungsForCheapCheckpointsAndTheBestOfAll) {
  const Failures failures{3600, 1, 30};
  const double best_s = best_interval_s(failures);
  EXPECT_NEAR(best_s, std::sqrt(2.0 * 3600), 1);
  for (const double other : {0.5, 0.9, 1.1, 2.0})
    EXPECT_GT(goodput(failures, best_s), goodput(failures, other * best_s)) << other;
}

TEST(CheckpointInterval, WithoutFailuresOnlySavingCosts) {
  EXPECT_EQ(best_interval_s({0, 1, 0}), 0);
  EXPECT_DOUBLE_EQ(goodput({0, 1, 0}, 9), 0.9);
  EXPECT_NEAR(goodput({1e12, 1, 0}, 9), 0.9, 1e-6);
}

TEST(PlanReport, SaysSoWhenThereAreTooFewGrainsARank) {
  PlanReport report;
  report.work = work();
  report.rates = rates();
  report.shards = {"none"};
  report.rows = {plan_row(report.work, report.rates, 4, 0)};
  const auto text = to_text(report);
  EXPECT_NE(text.find("4 grains a rank or more (16)"), std::string::npos) << text;
  report.rows = {plan_row(report.work, report.rates, 2, 0)};
  EXPECT_EQ(to_text(report).find("4 grains a rank or more"), std::string::npos);
}

TEST(PlanReport, AdvisesAnIntervalWhereFailuresAreKnown) {
  PlanReport report;
  report.work = work();
  report.work.checkpoint_every_steps = 10000;
  report.rates = rates();
  report.rates.node_mtbf_s = 600;
  report.shards = {"none"};
  report.rows = {plan_row(report.work, report.rates, 4, 0)};
  EXPECT_LT(report.rows.front().goodput, report.rows.front().best_goodput);
  EXPECT_NE(to_text(report).find("advice       checkpoint.every_steps = "), std::string::npos);
}

TEST(ScalingModel, OnNodesOnlySumsOfTheNodeTravelBetweenThem) {
  const auto gradient = static_cast<double>(work().flat_bytes());
  auto nodes = rates();
  nodes.ranks_per_node = 2;  // two nodes: half of two copies within, half of two halves between
  EXPECT_EQ(plan_ranks(work(), nodes, 4).sent_bytes, std::llround(gradient * (1 + 0.5)));
  auto split = work();
  split.shard = "optimizer";
  EXPECT_EQ(plan_ranks(split, nodes, 4).sent_bytes, std::llround(gradient * 2 * 3 / 4));
  split.shard_group = "node";
  EXPECT_EQ(plan_ranks(split, nodes, 4).sent_bytes, std::llround(gradient * (1 + 0.5)));
  EXPECT_EQ(plan_bytes(split, 4, "optimizer", 8, 2).moments,
            plan_bytes(work(), 2, "optimizer", 8).moments);
  EXPECT_EQ(plan_bytes(work(), 4, "optimizer", 8, 2).moments,
            plan_bytes(work(), 4, "optimizer", 8).moments)
      << "split over all";
  EXPECT_EQ(plan_bytes(split, 4, "optimizer", 8, 1).moments,
            plan_bytes(work(), 4, "none", 8).moments)
      << "alone on its node";
  // Where each rank's grains make one node of the tree, as many bytes are sent on one level as on
  // two; but to three others each, not to two.
  nodes.message_s = 1;
  const double two_levels_s = plan_ranks(work(), nodes, 4).time.exchange_s;
  auto flat = nodes;
  flat.ranks_per_node = 4;
  EXPECT_NEAR(plan_ranks(work(), flat, 4).time.exchange_s / two_levels_s, 3. / 2, 0.01);
  auto lonely = nodes;
  lonely.ranks_per_node = 1;
  split.shard = "optimizer";
  EXPECT_EQ(plan_ranks(split, lonely, 4).sent_bytes, plan_ranks(work(), lonely, 4).sent_bytes);
}

}  // namespace
}  // namespace nextframe
