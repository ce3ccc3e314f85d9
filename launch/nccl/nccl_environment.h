// This file is what this program asks of NCCL through its environment variables.
#pragma once

namespace nextframe {

/// To be called before NCCL is loaded. Pins what decides in which order NCCL adds: rings, the
/// simple protocol, no sums in the switch, sixteen channels. So the fast sum has the same bits from
/// start to start on the same GPUs. The strict sum lets NCCL add nothing. What the user has set
/// stays.
void pin_nccl_sums();

}  // namespace nextframe
