// A world whose ranks are threads of one process, so that tests of collective code need no mpirun.
#pragma once

#include <barrier>
#include <cstring>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "kernels/torch.h"
#include "launch/communicator.h"
#include "trainer/parallel/process_groups.h"

namespace nextframe {

/// What the ranks of one test share.
struct ThreadWorld {
  explicit ThreadWorld(int64_t size)
      : meet(size),
        in(static_cast<size_t>(size)),
        counts(static_cast<size_t>(size)),
        parcels(static_cast<size_t>(size)) {}
  std::barrier<> meet;
  std::vector<at::Tensor> in;
  std::vector<std::vector<int64_t>> counts;
  std::vector<std::vector<Parcel>> parcels;
};

/// Every collective by its plain definition: all ranks show their tensors, then each copies what it
/// needs.
class ThreadCommunicator final : public Communicator {
 public:
  ThreadCommunicator(ThreadWorld& world, int64_t rank, int64_t size)
      : world_(world), rank_(rank), size_(size) {}
  int64_t rank() const override { return rank_; }
  int64_t size() const override { return size_; }

  Ticket all_reduce(const at::Tensor& inout) override {
    return with_inputs(inout.clone(), [&] {
      inout.zero_();
      for (const auto& tensor : world_.in) inout.add_(tensor);
    });
  }
  Ticket reduce_scatter(const at::Tensor& in, const at::Tensor& out) override {
    return with_inputs(in, [&] {
      out.zero_();
      for (const auto& tensor : world_.in)
        out.add_(tensor.view(-1).narrow(0, rank_ * out.numel(), out.numel()).view_as(out));
    });
  }
  Ticket all_gather(const at::Tensor& in, const at::Tensor& out) override {
    return with_inputs(in.clone(), [&] {  // it may lie in `out`
      for (int64_t r = 0; r < size_; ++r) {
        out.view(-1)
            .narrow(0, r * in.numel(), in.numel())
            .copy_(world_.in[static_cast<size_t>(r)].view(-1));
      }
    });
  }
  Ticket broadcast(const at::Tensor& inout, int64_t root) override {
    return with_inputs(inout.clone(), [&] { inout.copy_(world_.in[static_cast<size_t>(root)]); });
  }
  Ticket all_to_all(const at::Tensor& in, const std::vector<int64_t>& in_counts,
                    const at::Tensor& out, const std::vector<int64_t>& out_counts) override {
    world_.counts[static_cast<size_t>(rank_)] = in_counts;
    return with_inputs(in, [&] {
      int64_t to = 0;
      for (int64_t r = 0; r < size_; ++r) {
        const auto& counts = world_.counts[static_cast<size_t>(r)];
        int64_t from = 0;
        for (int64_t before = 0; before < rank_; ++before)
          from += counts[static_cast<size_t>(before)];
        const int64_t count = out_counts[static_cast<size_t>(r)];
        TORCH_CHECK(count == counts[static_cast<size_t>(rank_)], "all_to_all: counts disagree");
        out.view(-1)
            .narrow(0, to, count)
            .copy_(world_.in[static_cast<size_t>(r)].view(-1).narrow(0, from, count));
        to += count;
      }
    });
  }
  Ticket exchange(const std::vector<Parcel>& outgoing,
                  const std::vector<Parcel>& incoming) override {
    world_.parcels[static_cast<size_t>(rank_)] = outgoing;
    return with_inputs({}, [&] {
      std::vector<size_t> next(static_cast<size_t>(size_), 0);  // of each sender's parcels
      for (const auto& [from, tensor] : incoming) {
        const auto& sent = world_.parcels[static_cast<size_t>(from)];
        auto& at = next[static_cast<size_t>(from)];
        while (at < sent.size() && sent[at].peer != rank_) ++at;
        TORCH_CHECK(at < sent.size() && sent[at].tensor.numel() == tensor.numel(),
                    "exchange: the parcels of ", from, " and ", rank_, " disagree");
        tensor.copy_(sent[at++].tensor);
      }
    });
  }
  Ticket barrier() override {
    world_.meet.arrive_and_wait();
    return {};
  }
  Ticket then(std::function<void()> work) override {
    work();
    return {};
  }

 private:
  Ticket with_inputs(const at::Tensor& in, const std::function<void()>& body) {
    world_.in[static_cast<size_t>(rank_)] = in;
    world_.meet.arrive_and_wait();
    body();
    world_.meet.arrive_and_wait();
    return {};
  }

  ThreadWorld& world_;
  int64_t rank_, size_;
};

/// Runs `body` once a rank, each on its own thread.
inline void run_ranks(int64_t size, const std::function<void(Communicator&)>& body) {
  ThreadWorld world(size);
  std::vector<std::thread> threads;
  for (int64_t rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      ThreadCommunicator communicator(world, rank, size);
      body(communicator);
    });
  }
  for (auto& thread : threads) thread.join();
}

/// The same on nodes of so many ranks each, on two levels where there are several of both.
inline void run_nodes(int64_t num_nodes, int64_t ranks_per_node,
                      const std::function<void(const ProcessGroups&)>& body) {
  const int64_t size = num_nodes * ranks_per_node;
  if (num_nodes == 1 || ranks_per_node == 1)
    return run_ranks(size, [&](Communicator& world) { body(world); });
  std::deque<ThreadWorld> inside, across;
  for (int64_t node = 0; node < num_nodes; ++node) inside.emplace_back(ranks_per_node);
  for (int64_t place = 0; place < ranks_per_node; ++place) across.emplace_back(num_nodes);
  run_ranks(size, [&](Communicator& world) {
    const int64_t node = world.rank() / ranks_per_node, place = world.rank() % ranks_per_node;
    ThreadCommunicator in(inside[static_cast<size_t>(node)], place, ranks_per_node);
    ThreadCommunicator out(across[static_cast<size_t>(place)], node, num_nodes);
    body({world, in, out, in});
  });
}

}  // namespace nextframe
