#include "launch/hang/collective_check.h"

#include <c10/util/StringUtil.h>

#include <numeric>
#include <stdexcept>

#include "launch/environment.h"
#include "launch/error.h"
#include "launch/hang/hang_analysis.h"
#include "launch/rank_agreement.h"

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

bool do_calls_agree(const std::vector<CallsDigest>& by_rank) {
  constexpr uint64_t kMask = (uint64_t{1} << 52) - 1;
  uint64_t balance = 0;
  for (const auto& digest : by_rank) {
    if (digest.order != by_rank.front().order) return false;
    balance += digest.balance;
  }
  return (balance & kMask) == 0;
}

/// Groups differ by rank, their calls do not: parts of an exchange cancel out within each group.
CallsDigest join_digests(const std::vector<std::shared_ptr<FlightRecorder>>& recorders) {
  constexpr uint64_t kMask = (uint64_t{1} << 52) - 1;
  CallsDigest joined;
  for (const auto& recorder : recorders) {
    const auto one = recorder->digest();
    joined.order = (joined.order * 0x100000001b3 + one.order) & kMask;
    joined.balance = (joined.balance + one.balance) & kMask;
  }
  return joined;
}

void throw_desync(Communicator& control,
                  const std::vector<std::shared_ptr<FlightRecorder>>& recorders) {
  constexpr int64_t kCompared = 512;
  RankReport mine;
  mine.rank = control.rank();
  mine.size = control.size();
  mine.host = host_name();
  mine.is_dump = true;
  for (const auto& recorder : recorders) {
    mine.communicators.push_back({recorder->name(), recorder->entered(),
                                  recorder->newest(kCompared), recorder->num_ranks()});
  }
  std::vector<RankReport> reports;
  for (const auto& text : gather_strings(control, to_json(mine)))
    reports.push_back(parse_rank_report(text));
  auto text = find_different_calls(reports).text;
  if (text.empty()) {
    text = "in none of the last " + std::to_string(kCompared) + " of '" +
           (recorders.empty() ? "" : recorders.front()->name()) + "', so before that";
  }
  throw EnvironmentError("the ranks no longer call the same collectives: " + text +
                         ". Nothing of this step was used; start again from the last checkpoint");
}

}  // namespace nextframe
