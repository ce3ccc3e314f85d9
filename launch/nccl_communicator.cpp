#include "launch/nccl_communicator.h"

#include <ATen/Functions.h>
#include <c10/cuda/CUDAEvent.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <chrono>
#include <exception>
#include <string>
#include <thread>

#include "launch/collective_check.h"
#include "launch/environment.h"
#include "launch/error.h"
#include "launch/flight_recorder.h"
#include "launch/nccl_library.h"
#include "launch/roll_call.h"

namespace nextframe {
namespace {

constexpr auto kStartLimit = std::chrono::seconds(300);
constexpr auto kPollInterval = std::chrono::microseconds(50);
constexpr int64_t kRecordsInMessage = 8;

ncclDataType_t nccl_type(c10::ScalarType type) {
  switch (type) {
    case c10::ScalarType::Float:
      return ncclFloat32;
    case c10::ScalarType::Double:
      return ncclFloat64;
    case c10::ScalarType::BFloat16:
      return ncclBfloat16;
    case c10::ScalarType::Long:
      return ncclInt64;
    default:
      return ncclUint8;
  }
}

/// NCCL's communicator with its stream. Tickets share it, so it lives until the last one is gone.
class Link {
 public:
  Link(Communicator& host, int64_t gpu_index)
      : exceptions_at_start_(std::uncaught_exceptions()), nccl_(load_nccl()) {
    const auto rank = host.rank(), size = host.size();
    caller_ = {
        "rank " + std::to_string(rank) + " on " + host_name() + " GPU " + std::to_string(gpu_index),
        rank, size, c10::DeviceType::CUDA};
    ncclUniqueId id = {};
    if (rank == 0) check(nccl_.GetUniqueId(&id), "ncclGetUniqueId");
    const auto text = broadcast_string(host, std::string(id.internal, sizeof(id.internal)));
    text.copy(id.internal, sizeof(id.internal));
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;  // a blocking start could not be left when a peer is missing
    check(nccl_.CommInitRankConfig(&comm_, static_cast<int>(size), id, static_cast<int>(rank),
                                   &config),
          "ncclCommInitRankConfig");
    settle("ncclCommInitRankConfig");
  }

  ~Link() {
    // After a failure even an abort may hang; the process is about to end.
    if (is_broken_ || std::uncaught_exceptions() > exceptions_at_start_) return;
    nccl_.CommFinalize(comm_);
    ncclResult_t state = ncclInProgress;
    while (nccl_.CommGetAsyncError(comm_, &state) == ncclSuccess && state == ncclInProgress) {
      std::this_thread::sleep_for(kPollInterval);
    }
    nccl_.CommDestroy(comm_);
  }
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  const CollectiveCaller& caller() const { return caller_; }
  const NcclLibrary& nccl() const { return nccl_; }
  ncclComm_t comm() const { return comm_; }
  c10::cuda::CUDAStream stream() const { return stream_; }
  FlightRecorder& recorder() { return recorder_; }

  /// Throws what the call, or any call before it, has met.
  void check(ncclResult_t result, const char* call) {
    if (result == ncclSuccess || result == ncclInProgress) return;
    fail(call, std::string(nccl_.GetErrorString(result)) + " (" + nccl_.GetLastError(comm_) + ")");
  }

  ncclResult_t state(const char* call) {
    ncclResult_t result = ncclSuccess;
    check(nccl_.CommGetAsyncError(comm_, &result), "ncclCommGetAsyncError");
    check(result, call);
    return result;
  }

  /// Waits until the last call has been handed to the GPU.
  void settle(const char* call) {
    const auto limit = std::chrono::steady_clock::now() + kStartLimit;
    while (state(call) == ncclInProgress) {
      if (std::chrono::steady_clock::now() > limit) fail(call, "no answer from the other ranks");
      std::this_thread::sleep_for(kPollInterval);
    }
  }

 private:
  [[noreturn]] void fail(const char* call, const std::string& reason) {
    is_broken_ = true;
    throw EnvironmentError(caller_.who + ": " + call + " failed: " + reason +
                           "\nlast collectives of this rank:\n" +
                           recorder_.print(kRecordsInMessage));
  }

  int exceptions_at_start_;
  NcclLibrary nccl_;
  CollectiveCaller caller_;
  // A high-priority stream that computation never runs on.
  c10::cuda::CUDAStream stream_ = c10::cuda::getStreamFromPool(true);
  FlightRecorder recorder_;
  ncclComm_t comm_ = nullptr;
  bool is_broken_ = false;
};

class NcclCommunicator final : public Communicator {
 public:
  NcclCommunicator(Communicator& host, int64_t gpu_index)
      : device_(c10::DeviceType::CUDA, static_cast<c10::DeviceIndex>(gpu_index)) {
    const c10::cuda::CUDAGuard guard(device_);
    link_ = std::make_shared<Link>(host, gpu_index);
    flag_ = at::zeros({1}, at::TensorOptions().dtype(at::kByte).device(device_));
  }

  int64_t rank() const override { return link_->caller().rank; }
  int64_t size() const override { return link_->caller().size; }

  Ticket all_reduce(const at::Tensor& inout) override {
    check_in_place(link_->caller(), "all_reduce", inout);
    return enqueue("all_reduce", inout, [&] { return reduce_in_place(inout); });
  }

  Ticket reduce_scatter(const at::Tensor& in, const at::Tensor& out) override {
    check_reduce_scatter(link_->caller(), in, out);
    return enqueue("reduce_scatter", in, [&] {
      return link_->nccl().ReduceScatter(in.const_data_ptr(), out.mutable_data_ptr(), count(out),
                                         type(in), ncclSum, link_->comm(), link_->stream());
    });
  }

  Ticket all_gather(const at::Tensor& in, const at::Tensor& out) override {
    check_all_gather(link_->caller(), in, out);
    return enqueue("all_gather", in, [&] {
      return link_->nccl().AllGather(in.const_data_ptr(), out.mutable_data_ptr(), count(in),
                                     type(in), link_->comm(), link_->stream());
    });
  }

  Ticket broadcast(const at::Tensor& inout, int64_t root) override {
    check_in_place(link_->caller(), "broadcast", inout);
    check_root(link_->caller(), "broadcast", root);
    return enqueue("broadcast", inout, [&] {
      return link_->nccl().Broadcast(inout.const_data_ptr(), inout.mutable_data_ptr(), count(inout),
                                     type(inout), static_cast<int>(root), link_->comm(),
                                     link_->stream());
    });
  }

  Ticket all_to_all(const at::Tensor& in, const std::vector<int64_t>& in_counts,
                    const at::Tensor& out, const std::vector<int64_t>& out_counts) override {
    check_all_to_all(link_->caller(), in, in_counts, out, out_counts);
    return enqueue("all_to_all", in, [&] {
      link_->check(link_->nccl().GroupStart(), "ncclGroupStart");
      send_and_receive(in, in_counts, out, out_counts);
      return link_->nccl().GroupEnd();
    });
  }

  Ticket exchange(const std::vector<Parcel>& outgoing,
                  const std::vector<Parcel>& incoming) override {
    check_exchange(link_->caller(), outgoing, incoming);
    return enqueue("exchange", sum_bytes(outgoing), "", [&] {
      link_->check(link_->nccl().GroupStart(), "ncclGroupStart");
      for (const auto& [peer, tensor] : outgoing) send(tensor, peer);
      for (const auto& [peer, tensor] : incoming) receive(tensor, peer);
      return link_->nccl().GroupEnd();
    });
  }

  Ticket barrier() override {
    const auto done = start("barrier", 1, "", [&] { return reduce_in_place(flag_); });
    return Ticket([link = link_, done] {
      while (!done->query()) {
        link->state("barrier");
        std::this_thread::sleep_for(kPollInterval);
      }
    });
  }

  Ticket then(std::function<void()> work) override {
    const c10::cuda::CUDAStreamGuard guard(link_->stream());
    work();
    const auto done = std::make_shared<c10::cuda::CUDAEvent>();
    done->record(link_->stream());
    return Ticket([done] { done->block(c10::cuda::getCurrentCUDAStream()); });
  }

 private:
  static size_t count(const at::Tensor& tensor) { return static_cast<size_t>(tensor.numel()); }
  static ncclDataType_t type(const at::Tensor& tensor) { return nccl_type(tensor.scalar_type()); }

  ncclResult_t reduce_in_place(const at::Tensor& inout) {
    return link_->nccl().AllReduce(inout.const_data_ptr(), inout.mutable_data_ptr(), count(inout),
                                   type(inout), ncclSum, link_->comm(), link_->stream());
  }

  void send_and_receive(const at::Tensor& in, const std::vector<int64_t>& in_counts,
                        const at::Tensor& out, const std::vector<int64_t>& out_counts) {
    int64_t out_from = 0, in_from = 0;
    for (size_t peer = 0; peer < in_counts.size(); ++peer) {
      send(in.view({-1}).narrow(0, out_from, in_counts[peer]), static_cast<int64_t>(peer));
      receive(out.view({-1}).narrow(0, in_from, out_counts[peer]), static_cast<int64_t>(peer));
      out_from += in_counts[peer];
      in_from += out_counts[peer];
    }
  }

  void send(const at::Tensor& tensor, int64_t peer) {
    link_->check(link_->nccl().Send(tensor.const_data_ptr(), count(tensor), type(tensor),
                                    static_cast<int>(peer), link_->comm(), link_->stream()),
                 "ncclSend");
  }

  void receive(const at::Tensor& tensor, int64_t peer) {
    link_->check(link_->nccl().Recv(tensor.mutable_data_ptr(), count(tensor), type(tensor),
                                    static_cast<int>(peer), link_->comm(), link_->stream()),
                 "ncclRecv");
  }

  /// Runs `call` on our stream, after what the caller's stream holds; returns the point after it.
  template <class Call>
  std::shared_ptr<c10::cuda::CUDAEvent> start(const char* name, int64_t bytes,
                                              const std::string& dtype, const Call& call) {
    const c10::cuda::CUDAGuard guard(device_);
    const auto sequence = link_->recorder().enter(name, bytes, dtype);
    const std::string description = std::string(name) + " #" + std::to_string(sequence) + " of " +
                                    std::to_string(bytes) + " bytes";
    c10::cuda::CUDAEvent ready;
    ready.record(c10::cuda::getCurrentCUDAStream());
    ready.block(link_->stream());
    link_->recorder().mark(sequence, CollectiveState::running);
    link_->check(call(), description.c_str());
    link_->settle(description.c_str());
    const auto done = std::make_shared<c10::cuda::CUDAEvent>();
    done->record(link_->stream());
    return done;
  }

  template <class Call>
  Ticket enqueue(const char* name, const at::Tensor& tensor, const Call& call) {
    return enqueue(name, static_cast<int64_t>(tensor.nbytes()),
                   collective_dtype_name(tensor.scalar_type()), call);
  }

  template <class Call>
  Ticket enqueue(const char* name, int64_t bytes, const std::string& dtype, const Call& call) {
    const auto done = start(name, bytes, dtype, call);
    return Ticket([link = link_, done, name] {
      link->state(name);
      done->block(c10::cuda::getCurrentCUDAStream());
    });
  }

  c10::Device device_;
  std::shared_ptr<Link> link_;
  at::Tensor flag_;  // what a barrier sums
};

}  // namespace

std::unique_ptr<Communicator> make_nccl_communicator(Communicator& host_communicator,
                                                     int64_t gpu_index) {
  return std::make_unique<NcclCommunicator>(host_communicator, gpu_index);
}

}  // namespace nextframe
