// Blocking MPI collectives over tensors in host memory; included only inside launch/.
#pragma once

#include <ATen/core/Tensor.h>
#include <mpi.h>

#include <cstdint>
#include <vector>

#include "launch/communicator.h"

namespace nextframe {

/// Throws std::runtime_error with MPI's message if `code` is an error.
void check_mpi(int code, const char* call);

/// Of any size.
void mpi_all_reduce(const at::Tensor& inout, MPI_Comm comm);
void mpi_broadcast(const at::Tensor& inout, int64_t root, MPI_Comm comm);

/// Up to 2^31 - 1 elements in the larger tensor, MPI's limit; std::invalid_argument beyond it.
void mpi_reduce_scatter(const at::Tensor& in, const at::Tensor& out, MPI_Comm comm);
void mpi_all_gather(const at::Tensor& in, const at::Tensor& out, MPI_Comm comm);
void mpi_all_to_all(const at::Tensor& in, const std::vector<int64_t>& in_counts,
                    const at::Tensor& out, const std::vector<int64_t>& out_counts, MPI_Comm comm);

/// One MPI message for each parcel that is not empty.
void mpi_exchange(const std::vector<Parcel>& outgoing, const std::vector<Parcel>& incoming,
                  MPI_Comm comm);

}  // namespace nextframe
