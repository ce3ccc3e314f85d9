// Times the gradient's exchange (all-reduce) between the ranks of this job, and its parts.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>

#include "trainer/parallel/process_groups.h"

namespace nextframe {

struct CommunicationBench {
  int64_t bytes = 0;       // of the gradient in float32, on every rank
  double strict_s = 0;     // a DdpBucket's exchange by the tree over grains
  double one_level_s = 0;  // the same among all ranks at once, where strict_s is on two levels
  double fast_s = 0;       // the same through the library's all-reduce
  double reduce_scatter_s = 0;
  double all_gather_s = 0;

  double strict_over_fast() const { return fast_s > 0 ? strict_s / fast_s : 0; }
};

/// Takes turns for `rounds` rounds after two to warm up. Each figure is the median over rounds of
/// the slowest rank's time, from a barrier until the host could read the result. Collective.
CommunicationBench bench_communication(const ProcessGroups& groups, c10::Device device,
                                       int64_t num_grains, int64_t bytes, int64_t rounds);

}  // namespace nextframe
