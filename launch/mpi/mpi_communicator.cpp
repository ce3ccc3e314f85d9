#include "launch/mpi/mpi_communicator.h"

#include <mpi.h>

#include <exception>
#include <future>
#include <string>

#include "launch/environment.h"
#include "launch/error.h"
#include "launch/hang/collective_check.h"
#include "launch/hang/flight_recorder.h"
#include "launch/mpi/mpi_collectives.h"
#include "launch/mpi/task_queue.h"

namespace nextframe {
namespace {

constexpr int64_t kRecordsInMessage = 8;

/// What the thread works on. Shared with it, so that it may outlive the object when a rank fails.
struct Link {
  MPI_Comm comm = MPI_COMM_NULL;
  CollectiveCaller caller;
  std::shared_ptr<FlightRecorder> recorder;
  bool is_broken = false;  // touched by the queue's thread only

  /// Runs one collective; anything wrong ends in an error that says all there is to know.
  template <class Call>
  void run(int64_t sequence, const std::string& description, const Call& call) {
    recorder->mark(sequence, CollectiveState::running);
    std::string problem = is_broken ? "an earlier collective failed" : "";
    try {
      if (problem.empty()) call(comm);
    } catch (const std::exception& error) {
      problem = error.what();
    }
    recorder->mark(sequence, problem.empty() ? CollectiveState::done : CollectiveState::failed);
    if (problem.empty()) return;
    is_broken = true;
    throw EnvironmentError(caller.who + ": " + description + " failed: " + problem +
                           "\nlast collectives of this rank:\n" +
                           recorder->print(kRecordsInMessage));
  }
};

class MpiCommunicator final : public Communicator {
 public:
  MpiCommunicator(std::shared_ptr<FlightRecorder> recorder, int64_t group)
      : exceptions_at_start_(std::uncaught_exceptions()) {
    link_->recorder = std::move(recorder);
    int world_rank = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &world_rank);
    check_mpi(MPI_Comm_split(MPI_COMM_WORLD, static_cast<int>(group), world_rank, &link_->comm),
              "MPI_Comm_split");
    check_mpi(MPI_Comm_set_errhandler(link_->comm, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    int rank = 0, size = 1;
    MPI_Comm_rank(link_->comm, &rank);
    MPI_Comm_size(link_->comm, &size);
    const std::string who = "rank " + std::to_string(world_rank) + " on " + host_name();
    link_->caller = {who, rank, size, c10::DeviceType::CPU};
  }

  ~MpiCommunicator() override {
    if (std::uncaught_exceptions() > exceptions_at_start_) {
      queue_.abandon();  // peers may never come; main is on its way to end_job
      return;
    }
    queue_.push([link = link_] {
      if (!link->is_broken) MPI_Comm_free(&link->comm);
    });
  }

  int64_t rank() const override { return link_->caller.rank; }
  int64_t size() const override { return link_->caller.size; }

  Ticket all_reduce(const at::Tensor& inout) override {
    check_in_place(link_->caller, "all_reduce", inout);
    return enqueue("all_reduce", &inout, [inout](MPI_Comm comm) { mpi_all_reduce(inout, comm); });
  }

  Ticket reduce_scatter(const at::Tensor& in, const at::Tensor& out) override {
    check_reduce_scatter(link_->caller, in, out);
    return enqueue("reduce_scatter", &in,
                   [in, out](MPI_Comm comm) { mpi_reduce_scatter(in, out, comm); });
  }

  Ticket all_gather(const at::Tensor& in, const at::Tensor& out) override {
    check_all_gather(link_->caller, in, out);
    return enqueue("all_gather", &in, [in, out](MPI_Comm comm) { mpi_all_gather(in, out, comm); });
  }

  Ticket broadcast(const at::Tensor& inout, int64_t root) override {
    check_in_place(link_->caller, "broadcast", inout);
    check_root(link_->caller, "broadcast", root);
    return enqueue("broadcast", &inout,
                   [inout, root](MPI_Comm comm) { mpi_broadcast(inout, root, comm); });
  }

  Ticket all_to_all(const at::Tensor& in, const std::vector<int64_t>& in_counts,
                    const at::Tensor& out, const std::vector<int64_t>& out_counts) override {
    check_all_to_all(link_->caller, in, in_counts, out, out_counts);
    return enqueue(exchange_call(link_->caller, in, in_counts, out, out_counts),
                   [=](MPI_Comm comm) { mpi_all_to_all(in, in_counts, out, out_counts, comm); });
  }

  Ticket exchange(const std::vector<Parcel>& outgoing,
                  const std::vector<Parcel>& incoming) override {
    check_exchange(link_->caller, outgoing, incoming);
    return enqueue(exchange_call(link_->caller, outgoing, incoming),
                   [=](MPI_Comm comm) { mpi_exchange(outgoing, incoming, comm); });
  }

  Ticket barrier() override {
    return enqueue("barrier", nullptr,
                   [](MPI_Comm comm) { check_mpi(MPI_Barrier(comm), "MPI_Barrier"); });
  }

  /// Never on what a failed collective left.
  Ticket then(std::function<void()> work) override {
    return push([link = link_, work = std::move(work)] {
      if (link->is_broken) return;
      try {
        work();
      } catch (...) {
        link->is_broken = true;  // what follows would send what it has not made
        throw;
      }
    });
  }

 private:
  template <class Call>
  Ticket enqueue(const std::string& name, const at::Tensor* tensor, Call call) {
    return enqueue(tensor == nullptr ? CollectiveCall{name, 0, ""} : call_on(name, *tensor),
                   std::move(call));
  }

  template <class Call>
  Ticket enqueue(const CollectiveCall& what, Call call) {
    const int64_t sequence = link_->recorder->enter(what);
    const std::string description = what.name + " #" + std::to_string(sequence) + " of " +
                                    std::to_string(what.bytes) + " bytes";
    return push(
        [link = link_, sequence, description, call] { link->run(sequence, description, call); });
  }

  template <class Work>
  Ticket push(Work work) {
    auto task = std::make_shared<std::packaged_task<void()>>(std::move(work));
    const std::shared_future<void> result = task->get_future().share();
    queue_.push([task] { (*task)(); });
    return Ticket([result] { result.get(); });
  }

  std::shared_ptr<Link> link_ = std::make_shared<Link>();
  int exceptions_at_start_;
  TaskQueue queue_;  // last, so that its thread ends first
};

}  // namespace

std::unique_ptr<Communicator> make_mpi_communicator(std::shared_ptr<FlightRecorder> recorder,
                                                    int64_t group) {
  if (!recorder) recorder = std::make_shared<FlightRecorder>();
  return std::make_unique<MpiCommunicator>(std::move(recorder), group);
}

}  // namespace nextframe
