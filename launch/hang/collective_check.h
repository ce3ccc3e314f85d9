// Checks the tensors that are given to a collective, and describes the call for the flight
// recorder.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
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

}  // namespace nextframe
