// Nothing runs here: the compiler compares launch/nccl/nccl_api.h with NCCL's own header.
#include <nccl.h>

#include <cstddef>

#include "launch/nccl/nccl_api.h"

namespace nextframe::nccl {
namespace {

static_assert(kVersion <= NCCL_VERSION_CODE, "nccl.h is older than launch/nccl/nccl_api.h");
static_assert(sizeof(Comm) == sizeof(ncclComm_t) && sizeof(Stream) == sizeof(cudaStream_t));
static_assert(sizeof(Result) == sizeof(ncclResult_t) && sizeof(DataType) == sizeof(ncclDataType_t));
static_assert(sizeof(Operation) == sizeof(ncclRedOp_t) && sizeof(UniqueId) == sizeof(ncclUniqueId));
static_assert(int{kSuccess} == ncclSuccess && int{kInProgress} == ncclInProgress);
static_assert(int{kRemoteError} == ncclRemoteError);
static_assert(int{kUint8} == ncclUint8 && int{kInt64} == ncclInt64 && int{kSum} == ncclSum);
static_assert(int{kFloat32} == ncclFloat32 && int{kFloat64} == ncclFloat64);
static_assert(int{kBfloat16} == ncclBfloat16);

// A newer NCCL reads as much of the structure as `size` and `version` say.
static_assert(sizeof(Config) <= sizeof(ncclConfig_t));
static_assert(offsetof(Config, blocking) == offsetof(ncclConfig_t, blocking));
static_assert(offsetof(Config, net_name) == offsetof(ncclConfig_t, netName));
static_assert(offsetof(Config, comm_name) == offsetof(ncclConfig_t, commName));
static_assert(offsetof(Config, nvlink_centric_sched) == offsetof(ncclConfig_t, nvlinkCentricSched));

/// As many arguments as the real function has.
template <class... Arguments>
constexpr size_t count_of(ncclResult_t (*)(Arguments...)) {
  return sizeof...(Arguments);
}
template <class... Arguments>
constexpr size_t count_of(Result (*)(Arguments...)) {
  return sizeof...(Arguments);
}
#define NF_SAME_ARGUMENTS(ours, theirs) \
  static_assert(count_of(static_cast<ours*>(nullptr)) == count_of(decltype (&theirs)(nullptr)))
NF_SAME_ARGUMENTS(GetVersion, ncclGetVersion);
NF_SAME_ARGUMENTS(GetUniqueId, ncclGetUniqueId);
NF_SAME_ARGUMENTS(CommInitRankConfig, ncclCommInitRankConfig);
NF_SAME_ARGUMENTS(CommGetAsyncError, ncclCommGetAsyncError);
NF_SAME_ARGUMENTS(OnComm, ncclCommAbort);
NF_SAME_ARGUMENTS(AllReduce, ncclAllReduce);
NF_SAME_ARGUMENTS(ReduceScatter, ncclReduceScatter);
NF_SAME_ARGUMENTS(AllGather, ncclAllGather);
NF_SAME_ARGUMENTS(Broadcast, ncclBroadcast);
NF_SAME_ARGUMENTS(Send, ncclSend);
NF_SAME_ARGUMENTS(Recv, ncclRecv);
NF_SAME_ARGUMENTS(Group, ncclGroupEnd);
#undef NF_SAME_ARGUMENTS

}  // namespace
}  // namespace nextframe::nccl
