// Checks of collectives: that tensors fit a call, and that all ranks make the same calls, before a
// mismatch becomes a hang or a wrong sum.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "launch/communicator.h"
#include "launch/hang/flight_recorder.h"

namespace nextframe {

/// The caller, for messages, and the device of its tensors.
struct CollectiveCaller {
  std::string who;  // "rank 3 on node07"
  int64_t rank = 0;
  int64_t size = 1;
  c10::DeviceType device = c10::DeviceType::CPU;
};

/// Each throws std::invalid_argument with the rank, the call, what was given and what is
/// needed.
void check_in_place(const CollectiveCaller& caller, const char* call, const at::Tensor& inout);
void check_root(const CollectiveCaller& caller, const char* call, int64_t root);
void check_reduce_scatter(const CollectiveCaller& caller, const at::Tensor& in,
                          const at::Tensor& out);
void check_all_gather(const CollectiveCaller& caller, const at::Tensor& in, const at::Tensor& out);
void check_all_to_all(const CollectiveCaller& caller, const at::Tensor& in,
                      const std::vector<int64_t>& in_counts, const at::Tensor& out,
                      const std::vector<int64_t>& out_counts);
void check_exchange(const CollectiveCaller& caller, const std::vector<Parcel>& outgoing,
                    const std::vector<Parcel>& incoming);

/// Bytes of all parcels together.
int64_t sum_bytes(const std::vector<Parcel>& parcels);

/// The flight recorder's entry for a call on one tensor.
CollectiveCall call_on(const std::string& name, const at::Tensor& tensor);
/// The flight recorder's entry for an exchange.
CollectiveCall exchange_call(const CollectiveCaller& caller, const at::Tensor& in,
                             const std::vector<int64_t>& in_counts, const at::Tensor& out,
                             const std::vector<int64_t>& out_counts);
CollectiveCall exchange_call(const CollectiveCaller& caller, const std::vector<Parcel>& outgoing,
                             const std::vector<Parcel>& incoming);

/// "float32" for a type that collectives take, "" for any other.
std::string collective_dtype_name(c10::ScalarType type);

/// Whether all ranks have made the same calls so far, according to the digests of their recorders.
bool do_calls_agree(const std::vector<CallsDigest>& by_rank);

/// Throws the same EnvironmentError on every rank, with the first call in `recorders` that
/// differs and the ranks that made it. Collective, over a communicator for host tensors that
/// is still in sync.
[[noreturn]] void throw_desync(Communicator& control,
                               const std::vector<std::shared_ptr<FlightRecorder>>& recorders);

/// Combines the digests of a rank's communicators into one; all ranks must have equally many.
CallsDigest join_digests(const std::vector<std::shared_ptr<FlightRecorder>>& recorders);

}  // namespace nextframe
