#include "launch/nccl/nccl_communicator.h"

#include <ATen/Functions.h>

#include <string>

#include "launch/hang/collective_check.h"
#include "launch/nccl/nccl_link.h"

namespace nextframe {
namespace {

nccl::DataType type(const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case c10::ScalarType::Float:
      return nccl::kFloat32;
    case c10::ScalarType::Double:
      return nccl::kFloat64;
    case c10::ScalarType::BFloat16:
      return nccl::kBfloat16;
    case c10::ScalarType::Long:
      return nccl::kInt64;
    default:
      return nccl::kUint8;
  }
}

/// Stretches of a tensor, one a rank.
std::vector<Parcel> parcels(const at::Tensor& tensor, const std::vector<int64_t>& counts) {
  std::vector<Parcel> result;
  int64_t from = 0;
  for (const int64_t elements : counts) {
    result.push_back(
        {static_cast<int64_t>(result.size()), tensor.view({-1}).narrow(0, from, elements)});
    from += elements;
  }
  return result;
}

size_t count(const at::Tensor& tensor) { return static_cast<size_t>(tensor.numel()); }

/// Tickets and watchers share the link, so it may outlive the communicator, but closed.
class NcclCommunicator final : public Communicator {
 public:
  NcclCommunicator(Communicator& host, std::unique_ptr<DeviceStream> queue,
                   const NcclLimits& limits, std::shared_ptr<FlightRecorder> recorder,
                   AbortableCommunicators* abortables, int64_t rank_in_job)
      : link_(std::make_shared<NcclLink>(host, std::move(queue), limits, std::move(recorder),
                                         rank_in_job)),
        flag_(
            at::zeros({1}, at::TensorOptions().dtype(at::kByte).device(link_->queue().device()))) {
    if (abortables != nullptr) abortables->add(link_);
  }
  ~NcclCommunicator() override { link_->close(); }

  int64_t rank() const override { return link_->caller().rank; }
  int64_t size() const override { return link_->caller().size; }

  Ticket all_reduce(const at::Tensor& inout) override {
    check_in_place(link_->caller(), "all_reduce", inout);
    return enqueue("all_reduce", inout, [&] { reduce_in_place(inout); });
  }

  Ticket reduce_scatter(const at::Tensor& in, const at::Tensor& out) override {
    check_reduce_scatter(link_->caller(), in, out);
    return enqueue("reduce_scatter", in, [&] {
      link_->check(nccl().ReduceScatter(in.const_data_ptr(), out.mutable_data_ptr(), count(out),
                                        type(in), nccl::kSum, link_->comm(), stream()),
                   "ncclReduceScatter");
    });
  }

  Ticket all_gather(const at::Tensor& in, const at::Tensor& out) override {
    check_all_gather(link_->caller(), in, out);
    return enqueue("all_gather", in, [&] {
      link_->check(nccl().AllGather(in.const_data_ptr(), out.mutable_data_ptr(), count(in),
                                    type(in), link_->comm(), stream()),
                   "ncclAllGather");
    });
  }

  Ticket broadcast(const at::Tensor& inout, int64_t root) override {
    check_in_place(link_->caller(), "broadcast", inout);
    check_root(link_->caller(), "broadcast", root);
    return enqueue("broadcast", inout, [&] {
      link_->check(nccl().Broadcast(inout.const_data_ptr(), inout.mutable_data_ptr(), count(inout),
                                    type(inout), static_cast<int>(root), link_->comm(), stream()),
                   "ncclBroadcast");
    });
  }

  Ticket all_to_all(const at::Tensor& in, const std::vector<int64_t>& in_counts,
                    const at::Tensor& out, const std::vector<int64_t>& out_counts) override {
    check_all_to_all(link_->caller(), in, in_counts, out, out_counts);
    return exchange(parcels(in, in_counts), parcels(out, out_counts));
  }

  Ticket exchange(const std::vector<Parcel>& outgoing,
                  const std::vector<Parcel>& incoming) override {
    check_exchange(link_->caller(), outgoing, incoming);
    return enqueue(exchange_call(link_->caller(), outgoing, incoming), [&] {
      link_->check(nccl().GroupStart(), "ncclGroupStart");
      for (const auto& [peer, tensor] : outgoing) {
        link_->check(nccl().Send(tensor.const_data_ptr(), count(tensor), type(tensor),
                                 static_cast<int>(peer), link_->comm(), stream()),
                     "ncclSend");
      }
      for (const auto& [peer, tensor] : incoming) {
        link_->check(nccl().Recv(tensor.mutable_data_ptr(), count(tensor), type(tensor),
                                 static_cast<int>(peer), link_->comm(), stream()),
                     "ncclRecv");
      }
      link_->check(nccl().GroupEnd(), "ncclGroupEnd");
    });
  }

  Ticket barrier() override {
    const auto done = link_->start({"barrier", 1, ""}, [&] { reduce_in_place(flag_); });
    // The ticket may outlive this object, and so may what is summed.
    return Ticket([link = link_, flag = flag_, done] { link->wait_for(*done, "barrier"); });
  }

  Ticket then(std::function<void()> work) override {
    link_->queue().run(std::move(work));
    return ticket(link_->queue().record(), "then");
  }

 private:
  const NcclLibrary& nccl() const { return link_->nccl(); }
  nccl::Stream stream() const { return link_->queue().handle(); }

  void reduce_in_place(const at::Tensor& inout) {
    link_->check(nccl().AllReduce(inout.const_data_ptr(), inout.mutable_data_ptr(), count(inout),
                                  type(inout), nccl::kSum, link_->comm(), stream()),
                 "ncclAllReduce");
  }

  Ticket enqueue(const char* name, const at::Tensor& tensor, const std::function<void()>& calls) {
    return enqueue(call_on(name, tensor), calls);
  }

  Ticket enqueue(const CollectiveCall& what, const std::function<void()>& calls) {
    return ticket(link_->start(what, calls), what.name);
  }

  Ticket ticket(std::shared_ptr<StreamEvent> done, const std::string& name) {
    return Ticket([link = link_, done = std::move(done), name] {
      link->check_all(name);
      if (!done->make_caller_wait()) link->wait_for(*done, name);
    });
  }

  std::shared_ptr<NcclLink> link_;
  at::Tensor flag_;  // what a barrier sums
};

}  // namespace

std::unique_ptr<Communicator> make_nccl_communicator(Communicator& host_communicator,
                                                     std::unique_ptr<DeviceStream> queue,
                                                     const NcclLimits& limits,
                                                     std::shared_ptr<FlightRecorder> recorder,
                                                     AbortableCommunicators* abortables,
                                                     int64_t rank_in_job) {
  return std::make_unique<NcclCommunicator>(host_communicator, std::move(queue), limits,
                                            std::move(recorder), abortables, rank_in_job);
}

}  // namespace nextframe
