#include "launch/mpi/mpi_collectives.h"

#include <c10/util/BFloat16.h>

#include <algorithm>
#include <climits>
#include <stdexcept>
#include <string>

namespace nextframe {
namespace {

// Large tensors go in pieces: MPI counts in int, and float32 copies of bfloat16 stay small.
constexpr int64_t kPieceElements = int64_t{1} << 20;
// From here on a gather goes from every rank to every rank at once, not from neighbour to
// neighbour.
constexpr size_t kPairwiseBytes = size_t{64} << 10;
constexpr int kTag = 0;  // messages between two ranks keep their order

MPI_Datatype mpi_type(c10::ScalarType type) {
  switch (type) {
    case c10::ScalarType::Float:
      return MPI_FLOAT;
    case c10::ScalarType::Double:
      return MPI_DOUBLE;
    case c10::ScalarType::Long:
      return MPI_INT64_T;
    case c10::ScalarType::BFloat16:
      return MPI_UINT16_T;  // moved as bits; sums never see this
    default:
      return MPI_UINT8_T;
  }
}

int to_count(int64_t elements) {
  if (elements > INT_MAX) {
    throw std::invalid_argument(std::to_string(elements) + " elements in one call, MPI takes " +
                                std::to_string(INT_MAX) + "; use smaller buckets");
  }
  return static_cast<int>(elements);
}

/// Element `first` of a contiguous tensor.
char* address(const at::Tensor& tensor, int64_t first) {
  return static_cast<char*>(tensor.mutable_data_ptr()) +
         first * static_cast<int64_t>(tensor.element_size());
}

/// Calls body(first, count) for pieces that cover `elements`; once for none, since peers may wait.
template <class Body>
void for_each_piece(int64_t elements, const Body& body) {
  int64_t first = 0;
  do {
    const int64_t count = std::min(kPieceElements, elements - first);
    body(first, count);
    first += count;
  } while (first < elements);
}

std::vector<float> to_float(const at::Tensor& tensor, int64_t first, int64_t count) {
  const auto* values = static_cast<const c10::BFloat16*>(tensor.const_data_ptr()) + first;
  return {values, values + count};
}

void from_float(const std::vector<float>& sums, const at::Tensor& tensor, int64_t first) {
  auto* values = static_cast<c10::BFloat16*>(tensor.mutable_data_ptr()) + first;
  std::transform(sums.begin(), sums.end(), values, [](float sum) { return c10::BFloat16(sum); });
}

bool is_bfloat16(const at::Tensor& tensor) {
  return tensor.scalar_type() == c10::ScalarType::BFloat16;
}

std::vector<int> to_counts(const std::vector<int64_t>& counts) {
  std::vector<int> result;
  for (const int64_t count : counts) result.push_back(to_count(count));
  return result;
}

std::vector<int> offsets(const std::vector<int64_t>& counts) {
  std::vector<int> result;
  int64_t offset = 0;
  for (const int64_t count : counts) {
    result.push_back(to_count(offset));
    offset += count;
  }
  return result;
}

}  // namespace

void check_mpi(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = {};
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw std::runtime_error(std::string(call) + ": " + text);
}

void mpi_all_reduce(const at::Tensor& inout, MPI_Comm comm) {
  for_each_piece(inout.numel(), [&](int64_t first, int64_t count) {
    if (is_bfloat16(inout)) {
      auto sums = to_float(inout, first, count);
      check_mpi(MPI_Allreduce(MPI_IN_PLACE, sums.data(), to_count(count), MPI_FLOAT, MPI_SUM, comm),
                "MPI_Allreduce");
      return from_float(sums, inout, first);
    }
    check_mpi(MPI_Allreduce(MPI_IN_PLACE, address(inout, first), to_count(count),
                            mpi_type(inout.scalar_type()), MPI_SUM, comm),
              "MPI_Allreduce");
  });
}

void mpi_broadcast(const at::Tensor& inout, int64_t root, MPI_Comm comm) {
  for_each_piece(inout.numel(), [&](int64_t first, int64_t count) {
    check_mpi(MPI_Bcast(address(inout, first), to_count(count), mpi_type(inout.scalar_type()),
                        static_cast<int>(root), comm),
              "MPI_Bcast");
  });
}

void mpi_reduce_scatter(const at::Tensor& in, const at::Tensor& out, MPI_Comm comm) {
  to_count(in.numel());
  const int count = to_count(out.numel());
  const char* call = "MPI_Reduce_scatter_block";
  if (is_bfloat16(in)) {
    const auto values = to_float(in, 0, in.numel());
    std::vector<float> sums(static_cast<size_t>(count));
    check_mpi(MPI_Reduce_scatter_block(values.data(), sums.data(), count, MPI_FLOAT, MPI_SUM, comm),
              call);
    return from_float(sums, out, 0);
  }
  check_mpi(MPI_Reduce_scatter_block(in.const_data_ptr(), out.mutable_data_ptr(), count,
                                     mpi_type(in.scalar_type()), MPI_SUM, comm),
            call);
}

void mpi_all_gather(const at::Tensor& in, const at::Tensor& out, MPI_Comm comm) {
  to_count(out.numel());
  int rank = 0, size = 1;
  check_mpi(MPI_Comm_rank(comm, &rank), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(comm, &size), "MPI_Comm_size");
  const auto parts = out.view({size, in.numel()});
  const bool is_in_place = in.const_data_ptr() == address(out, rank * in.numel());
  if (in.nbytes() < kPairwiseBytes) {
    const auto type = mpi_type(in.scalar_type());
    const int count = to_count(in.numel());
    const void* from = is_in_place ? MPI_IN_PLACE : in.const_data_ptr();
    return check_mpi(MPI_Allgather(from, count, type, out.mutable_data_ptr(), count, type, comm),
                     "MPI_Allgather");
  }
  if (!is_in_place) parts[rank].copy_(in.view({-1}));
  std::vector<Parcel> outgoing, incoming;
  for (int step = 1; step < size; ++step) {  // all ranks begin with another peer
    const int to = (rank + step) % size, from = (rank + size - step) % size;
    outgoing.push_back({to, in});
    incoming.push_back({from, parts[from]});
  }
  mpi_exchange(outgoing, incoming, comm);
}

void mpi_exchange(const std::vector<Parcel>& outgoing, const std::vector<Parcel>& incoming,
                  MPI_Comm comm) {
  std::vector<MPI_Request> requests;
  const auto post = [&](const std::vector<Parcel>& parcels, const char* call, auto start) {
    for (const auto& [peer, tensor] : parcels) {
      if (tensor.numel() == 0) continue;
      requests.push_back(MPI_REQUEST_NULL);
      check_mpi(
          start(tensor.mutable_data_ptr(), to_count(tensor.numel()), mpi_type(tensor.scalar_type()),
                static_cast<int>(peer), kTag, comm, &requests.back()),
          call);
    }
  };
  post(incoming, "MPI_Irecv", MPI_Irecv);
  post(outgoing, "MPI_Isend", MPI_Isend);
  check_mpi(MPI_Waitall(static_cast<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE),
            "MPI_Waitall");
}

void mpi_all_to_all(const at::Tensor& in, const std::vector<int64_t>& in_counts,
                    const at::Tensor& out, const std::vector<int64_t>& out_counts, MPI_Comm comm) {
  const auto type = mpi_type(in.scalar_type());
  check_mpi(MPI_Alltoallv(in.const_data_ptr(), to_counts(in_counts).data(),
                          offsets(in_counts).data(), type, out.mutable_data_ptr(),
                          to_counts(out_counts).data(), offsets(out_counts).data(), type, comm),
            "MPI_Alltoallv");
}

}  // namespace nextframe
