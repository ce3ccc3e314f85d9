// Loads NCCL's library when the first communicator is made.
#pragma once

#include "launch/nccl/nccl_api.h"

namespace nextframe {

/// NCCL's functions by their own names. The library stays loaded until the process ends.
struct NcclLibrary {
  nccl::GetVersion* GetVersion;
  nccl::GetUniqueId* GetUniqueId;
  nccl::CommInitRankConfig* CommInitRankConfig;
  nccl::CommGetAsyncError* CommGetAsyncError;
  nccl::OnComm* CommFinalize;
  nccl::OnComm* CommDestroy;
  nccl::OnComm* CommAbort;
  nccl::GetErrorString* GetErrorString;
  nccl::GetLastError* GetLastError;
  nccl::AllReduce* AllReduce;
  nccl::ReduceScatter* ReduceScatter;
  nccl::AllGather* AllGather;
  nccl::Broadcast* Broadcast;
  nccl::Send* Send;
  nccl::Recv* Recv;
  nccl::Group* GroupStart;
  nccl::Group* GroupEnd;
};

/// Calls pin_nccl_sums, then loads the library. Throws EnvironmentError if libnccl.so.2 is
/// missing, or older than launch/nccl/nccl_api.h.
NcclLibrary load_nccl();

/// Sets the environment variables that fix NCCL's order of additions, before NCCL is loaded:
/// rings, the simple protocol, no sums in the switch, sixteen channels. So the fast all-reduce
/// gives the same bits in every start on the same GPUs. (In the strict sum NCCL adds nothing.)
/// Does not override what the user has set.
void pin_nccl_sums();

}  // namespace nextframe
