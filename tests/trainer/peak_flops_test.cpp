#include "trainer/records/peak_flops.h"

#include <gtest/gtest.h>

namespace nextframe {
namespace {

double measured() { return 5e11; }
double not_wanted() {
  ADD_FAILURE() << "measured although the peak is known";
  return 0;
}

TEST(PeakFlops, AGpuIsHeldAgainstWhatItsMakerStates) {
  const auto peak = choose_peak_flops(0, "NVIDIA H100 80GB HBM3", true, not_wanted);
  EXPECT_EQ(peak.flops_per_s, 989e12);
  EXPECT_EQ(peak.source, "stated for NVIDIA H100 80GB HBM3");
  EXPECT_EQ(choose_peak_flops(0, "NVIDIA H100 80GB HBM3", false, not_wanted).flops_per_s, 67e12);
}

TEST(PeakFlops, AVariantOfAGpuHasItsOwn) {
  EXPECT_EQ(stated_peak_flops("NVIDIA H100 PCIe", true), 756e12);
  EXPECT_EQ(stated_peak_flops("NVIDIA H200 NVL", true), 835e12);
  EXPECT_EQ(stated_peak_flops("NVIDIA H200", true), 989e12);
  EXPECT_EQ(stated_peak_flops("NVIDIA A100-SXM4-80GB", true), 312e12);
}

TEST(PeakFlops, ACpuOrAnUnknownGpuIsMeasured) {
  for (const auto* name : {"", "NVIDIA H100 MIG 1g.10gb", "Quadro"}) {
    const auto peak = choose_peak_flops(0, name, true, measured);
    EXPECT_EQ(peak.flops_per_s, 5e11) << name;
    EXPECT_EQ(peak.source, "measured with a large product");
  }
}

TEST(PeakFlops, WhatTheConfigGivesWins) {
  const auto peak = choose_peak_flops(400, "NVIDIA H100 80GB HBM3", true, not_wanted);
  EXPECT_EQ(peak.flops_per_s, 400e12);
  EXPECT_EQ(peak.source, "given");
}

}  // namespace
}  // namespace nextframe
