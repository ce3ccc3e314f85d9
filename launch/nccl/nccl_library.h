// Loads NCCL's library when the first communicator is made.
#pragma once

#include "launch/nccl/nccl_api.h"

namespace nextframe {

/// NCCL's functions under their own names. The library stays loaded until the process ends.
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

/// Pins what decides the order of NCCL's additions (see pin_nccl_sums), then loads the library.
/// EnvironmentError when libnccl.so.2 is missing, or older than launch/nccl/nccl_api.h.
NcclLibrary load_nccl();

/// To be called before NCCL is loaded. Pins what decides in which order NCCL adds: rings, the
/// simple protocol, no sums in the switch, sixteen channels. So the fast sum has the same bits from
/// start to start on the same GPUs. The strict sum lets NCCL add nothing. What the user has set
/// stays.
void pin_nccl_sums();

}  // namespace nextframe
