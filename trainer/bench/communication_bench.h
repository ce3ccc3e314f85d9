// Times the gradient's exchange (all-reduce) between the ranks of this job, and its parts.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>

#include "trainer/parallel/process_groups.h"

namespace nextframe {

struct CommunicationBench {
  int64_t bytes = 0;       // of a float32 gradient on each rank
  double strict_s = 0;     // DdpBucket's all-reduce by the fixed tree over grains
  double one_level_s = 0;  // the same on one level, where strict_s has two levels
  double fast_s = 0;       // the same through the library's all-reduce
  double reduce_scatter_s = 0;
  double all_gather_s = 0;

  double strict_over_fast() const { return fast_s > 0 ? strict_s / fast_s : 0; }
};

/// Alternates between the variants for `rounds` rounds, after two to warm up. Each time is the
/// median over rounds of the slowest rank's, from a barrier until the host could read the
/// result. Collective.
CommunicationBench bench_communication(const ProcessGroups& groups, c10::Device device,
                                       int64_t num_grains, int64_t bytes, int64_t rounds);

}  // namespace nextframe
