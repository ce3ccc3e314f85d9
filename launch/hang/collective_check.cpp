#include "launch/hang/collective_check.h"

#include <c10/util/StringUtil.h>

#include <numeric>
#include <stdexcept>

namespace nextframe {
namespace {

template <class... Parts>
void need(bool is_fine, const CollectiveCaller& caller, const char* call, const Parts&... parts) {
  if (!is_fine) throw std::invalid_argument(c10::str(caller.who, ": ", call, ": ", parts...));
}

void check_tensor(const CollectiveCaller& caller, const char* call, const char* name,
                  const at::Tensor& tensor) {
  need(tensor.defined(), caller, call, "'", name, "' is undefined");
  need(tensor.is_contiguous(), caller, call, "'", name, "' must be contiguous, got sizes ",
       tensor.sizes(), " strides ", tensor.strides());
  need(tensor.device().type() == caller.device, caller, call, "'", name, "' is on ",
       tensor.device().str(), ", this communicator moves ",
       c10::DeviceTypeName(caller.device, true), " tensors");
  need(!collective_dtype_name(tensor.scalar_type()).empty(), caller, call, "'", name, "' is ",
       c10::toString(tensor.scalar_type()),
       ", needed is float32, float64, bfloat16, int64 or uint8");
}

/// `in_place`: where in `out` an `in` may lie, in elements; none if negative.
void check_pair(const CollectiveCaller& caller, const char* call, const at::Tensor& in,
                const at::Tensor& out, int64_t in_place = -1) {
  check_tensor(caller, call, "in", in);
  check_tensor(caller, call, "out", out);
  need(in.scalar_type() == out.scalar_type(), caller, call, "'in' is ",
       c10::toString(in.scalar_type()), " but 'out' is ", c10::toString(out.scalar_type()));
  const auto* in_begin = static_cast<const char*>(in.const_data_ptr());
  const auto* out_begin = static_cast<const char*>(out.const_data_ptr());
  const bool is_apart = in.numel() == 0 || out.numel() == 0 ||
                        in_begin + in.nbytes() <= out_begin || out_begin + out.nbytes() <= in_begin;
  if (in_place >= 0 && in_begin == out_begin + in_place * in.element_size()) return;
  need(is_apart, caller, call, "'in' and 'out' overlap in memory; give separate tensors");
}

void check_counts(const CollectiveCaller& caller, const char* name, const at::Tensor& tensor,
                  const std::vector<int64_t>& counts) {
  const char* call = "all_to_all";
  need(static_cast<int64_t>(counts.size()) == caller.size, caller, call, "'", name, "' has ",
       counts.size(), " counts, one for each of ", caller.size, " ranks is needed");
  for (const int64_t count : counts) {
    need(count >= 0, caller, call, "'", name, "' has a negative count: ", count);
  }
  const int64_t total = std::accumulate(counts.begin(), counts.end(), int64_t{0});
  need(total == tensor.numel(), caller, call, "'", name, "' counts add up to ", total,
       ", its tensor has ", tensor.numel(), " elements");
}

}  // namespace

void check_in_place(const CollectiveCaller& caller, const char* call, const at::Tensor& inout) {
  check_tensor(caller, call, "inout", inout);
}

void check_root(const CollectiveCaller& caller, const char* call, int64_t root) {
  need(root >= 0 && root < caller.size, caller, call, "root ", root, " is not one of ", caller.size,
       " ranks");
}

void check_reduce_scatter(const CollectiveCaller& caller, const at::Tensor& in,
                          const at::Tensor& out) {
  check_pair(caller, "reduce_scatter", in, out);
  need(in.numel() == caller.size * out.numel(), caller, "reduce_scatter", "'in' has ", in.numel(),
       " elements, needed are ", caller.size, " ranks * ", out.numel(), " of 'out'");
}

void check_all_gather(const CollectiveCaller& caller, const at::Tensor& in, const at::Tensor& out) {
  check_pair(caller, "all_gather", in, out, caller.rank * in.numel());
  need(out.numel() == caller.size * in.numel(), caller, "all_gather", "'out' has ", out.numel(),
       " elements, needed are ", caller.size, " ranks * ", in.numel(), " of 'in'");
}

void check_all_to_all(const CollectiveCaller& caller, const at::Tensor& in,
                      const std::vector<int64_t>& in_counts, const at::Tensor& out,
                      const std::vector<int64_t>& out_counts) {
  check_pair(caller, "all_to_all", in, out);
  check_counts(caller, "in", in, in_counts);
  check_counts(caller, "out", out, out_counts);
}

void check_exchange(const CollectiveCaller& caller, const std::vector<Parcel>& outgoing,
                    const std::vector<Parcel>& incoming) {
  for (const auto* parcels : {&outgoing, &incoming}) {
    for (const auto& parcel : *parcels) {
      need(parcel.peer >= 0 && parcel.peer < caller.size, caller, "exchange", "peer ", parcel.peer,
           " is not one of ", caller.size, " ranks");
      check_tensor(caller, "exchange", parcels == &outgoing ? "outgoing" : "incoming",
                   parcel.tensor);
    }
  }
}

int64_t sum_bytes(const std::vector<Parcel>& parcels) {
  int64_t bytes = 0;
  for (const auto& parcel : parcels) bytes += static_cast<int64_t>(parcel.tensor.nbytes());
  return bytes;
}

CollectiveCall call_on(const std::string& name, const at::Tensor& tensor) {
  return {name, static_cast<int64_t>(tensor.nbytes()), collective_dtype_name(tensor.scalar_type())};
}

CollectiveCall exchange_call(const CollectiveCaller& caller, const at::Tensor& in,
                             const std::vector<int64_t>& in_counts, const at::Tensor& out,
                             const std::vector<int64_t>& out_counts) {
  const auto in_bytes = [&](std::vector<int64_t> counts) {
    for (auto& count : counts) count *= static_cast<int64_t>(in.element_size());
    return counts;
  };
  return {"all_to_all", static_cast<int64_t>(in.nbytes()), collective_dtype_name(in.scalar_type()),
          static_cast<int64_t>(out.nbytes()),
          exchange_balance(caller.rank, in_bytes(in_counts), in_bytes(out_counts))};
}

CollectiveCall exchange_call(const CollectiveCaller& caller, const std::vector<Parcel>& outgoing,
                             const std::vector<Parcel>& incoming) {
  const auto by_peer = [&](const std::vector<Parcel>& parcels) {
    std::vector<int64_t> bytes(static_cast<size_t>(caller.size), 0);
    for (const auto& parcel : parcels)
      bytes[static_cast<size_t>(parcel.peer)] += static_cast<int64_t>(parcel.tensor.nbytes());
    return bytes;
  };
  return {"exchange", sum_bytes(outgoing), "", sum_bytes(incoming),
          exchange_balance(caller.rank, by_peer(outgoing), by_peer(incoming))};
}

std::string collective_dtype_name(c10::ScalarType type) {
  switch (type) {
    case c10::ScalarType::Float:
      return "float32";
    case c10::ScalarType::Double:
      return "float64";
    case c10::ScalarType::BFloat16:
      return "bfloat16";
    case c10::ScalarType::Long:
      return "int64";
    case c10::ScalarType::Byte:
      return "uint8";
    default:
      return "";
  }
}

}  // namespace nextframe
