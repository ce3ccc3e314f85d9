// The part of NCCL's C interface that is used here, declared again so that machines without CUDA
// can compile and test its callers. launch/nccl/nccl_api_cuda.cpp compares it with nccl.h.
#pragma once

#include <climits>
#include <cstddef>

namespace nextframe::nccl {

/// The version of the nccl.h that this copies; an older library is rejected.
inline constexpr int kVersion = 22809;  // 2.28.9

using Comm = void*;    // ncclComm_t
using Stream = void*;  // cudaStream_t

enum Result : int { kSuccess = 0, kRemoteError = 6, kInProgress = 7 };
enum DataType : int { kUint8 = 1, kInt64 = 4, kFloat32 = 7, kFloat64 = 8, kBfloat16 = 9 };
enum Operation : int { kSum = 0 };

struct UniqueId {
  char internal[128];
};

/// All fields but the first four keep the library's defaults.
struct Config {
  size_t size = sizeof(Config);
  unsigned int magic = 0xcafebeef;
  unsigned int version = kVersion;
  int blocking = INT_MIN;
  int cga_cluster_size = INT_MIN;
  int min_ctas = INT_MIN;
  int max_ctas = INT_MIN;
  const char* net_name = nullptr;
  int split_share = INT_MIN;
  int traffic_class = INT_MIN;
  const char* comm_name = nullptr;
  int collnet_enable = INT_MIN;
  int cta_policy = INT_MIN;
  int shrink_share = INT_MIN;
  int nvls_ctas = INT_MIN;
  int channels_per_net_peer = INT_MIN;
  int nvlink_centric_sched = INT_MIN;
};

using GetVersion = Result(int* version);
using GetUniqueId = Result(UniqueId* id);
using CommInitRankConfig = Result(Comm* comm, int size, UniqueId id, int rank, Config* config);
using CommGetAsyncError = Result(Comm comm, Result* error);
using OnComm = Result(Comm comm);  // ncclCommFinalize, ncclCommDestroy, ncclCommAbort
using GetErrorString = const char*(Result result);
using GetLastError = const char*(Comm comm);
using AllReduce = Result(const void* in, void* out, size_t count, DataType type,
                         Operation operation, Comm comm, Stream stream);
using ReduceScatter = AllReduce;  // `count` is of `out`
using AllGather = Result(const void* in, void* out, size_t count, DataType type, Comm comm,
                         Stream stream);
using Broadcast = Result(const void* in, void* out, size_t count, DataType type, int root,
                         Comm comm, Stream stream);
using Send = Result(const void* in, size_t count, DataType type, int peer, Comm comm,
                    Stream stream);
using Recv = Result(void* out, size_t count, DataType type, int peer, Comm comm, Stream stream);
using Group = Result();  // ncclGroupStart, ncclGroupEnd

}  // namespace nextframe::nccl
