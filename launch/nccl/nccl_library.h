// This file is NCCL's library, loaded when the first communicator is made.
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

}  // namespace nextframe
