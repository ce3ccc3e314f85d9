#include <stdexcept>
#include <string>

#include "launch/communicator.h"
#include "launch/environment.h"
#include "launch/hang/collective_check.h"

namespace nextframe {
namespace {

/// Asks of its tensors what the others ask, so that a mistake shows before there are ranks. Copies
/// are ordered like any other work of the calling thread; nothing is left to wait for.
class SoloCommunicator final : public Communicator {
 public:
  int64_t rank() const override { return 0; }
  int64_t size() const override { return 1; }

  Ticket all_reduce(const at::Tensor& inout) override {
    check_in_place(caller(inout), "all_reduce", inout);
    return {};
  }

  Ticket reduce_scatter(const at::Tensor& in, const at::Tensor& out) override {
    check_reduce_scatter(caller(in), in, out);
    return copy(in, out);
  }

  Ticket all_gather(const at::Tensor& in, const at::Tensor& out) override {
    check_all_gather(caller(in), in, out);
    return copy(in, out);
  }

  Ticket broadcast(const at::Tensor& inout, int64_t root) override {
    check_in_place(caller(inout), "broadcast", inout);
    check_root(caller(inout), "broadcast", root);
    return {};
  }

  Ticket all_to_all(const at::Tensor& in, const std::vector<int64_t>& in_counts,
                    const at::Tensor& out, const std::vector<int64_t>& out_counts) override {
    check_all_to_all(caller(in), in, in_counts, out, out_counts);
    return copy(in, out);
  }

  Ticket exchange(const std::vector<Parcel>& outgoing,
                  const std::vector<Parcel>& incoming) override {
    check_exchange(caller(outgoing.empty() ? at::Tensor() : outgoing.front().tensor), outgoing,
                   incoming);
    if (outgoing.size() != incoming.size()) {
      throw std::invalid_argument("exchange: a rank alone sends itself " +
                                  std::to_string(outgoing.size()) + " parcels and receives " +
                                  std::to_string(incoming.size()));
    }
    for (size_t i = 0; i < outgoing.size(); ++i) copy(outgoing[i].tensor, incoming[i].tensor);
    return {};
  }

  Ticket barrier() override { return {}; }

  Ticket then(std::function<void()> work) override {
    work();
    return {};
  }

 private:
  static CollectiveCaller caller(const at::Tensor& tensor) {
    const auto device = tensor.defined() ? tensor.device().type() : c10::DeviceType::CPU;
    return {"the only rank, on " + host_name(), 0, 1, device};
  }

  static Ticket copy(const at::Tensor& in, const at::Tensor& out) {
    out.view({-1}).copy_(in.view({-1}));
    return {};
  }
};

}  // namespace

std::unique_ptr<Communicator> make_solo_communicator() {
  return std::make_unique<SoloCommunicator>();
}

}  // namespace nextframe
