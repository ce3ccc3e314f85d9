// The world, as in MPI: a rank's number, host and device, and the communicators to the other ranks.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <memory>
#include <string>

#include "launch/communicator.h"
#include "launch/hang/abortable_communicators.h"
#include "launch/hang/flight_recorder.h"
#include "launch/mpi/mpi_session.h"
#include "launch/node_grid.h"

namespace nextframe {

struct WorldOptions {
  std::string device = "auto";  // parallel.device: auto | cpu | cuda
  int64_t threads = 1;          // parallel.threads: CPU threads for each rank
};

/// The ranks that a communicator connects.
enum class RankGroup {
  all,
  intra_node,  // the ranks of this node
  inter_node   // the ranks with this rank's place, one on each node
};

/// Every rank makes one at the same time; it must outlive its communicators. Makes the device
/// current, binds this rank to its share of the CPU cores, and sets the calling thread's
/// number of LibTorch threads.
class World {
 public:
  /// Throws EnvironmentError if the requested device is not available to every rank.
  World(const MpiSession& session, const WorldOptions& options);

  int64_t rank() const { return rank_; }
  int64_t size() const { return size_; }
  int64_t local_rank() const { return local_rank_; }  // among the ranks of this host
  int64_t local_size() const { return local_size_; }
  const std::string& host() const { return host_; }
  const NodeGrid& nodes() const { return nodes_; }
  bool is_root() const { return rank_ == 0; }
  c10::Device device() const { return device_; }

  /// Makes a communicator of all ranks for tensors in host memory. Collective. Each
  /// communicator has its own thread and its own order of calls, so two of them never
  /// disturb each other. `name` is used to explain hangs.
  std::unique_ptr<Communicator> make_host_communicator(const std::string& name = "host") const;

  /// Makes a communicator for tensors on device(): NCCL for GPUs, else as above. Collective:
  /// all ranks call it, each for its own group, whose number is added to the name
  /// ("gradients in node 1").
  std::unique_ptr<Communicator> make_device_communicator(const std::string& name = "device",
                                                         RankGroup group = RankGroup::all) const;

  /// The record of the calls of all these communicators.
  const std::shared_ptr<FlightLog>& flight_log() const { return flight_log_; }
  /// Those of these communicators whose calls the host does not wait for (NCCL).
  const std::shared_ptr<AbortableCommunicators>& abortables() const { return abortables_; }

 private:
  struct GroupPlace {
    int64_t number, num_ranks;  // of the group, within its kind; of its members
    std::string name;
  };
  GroupPlace describe(RankGroup group, const std::string& name) const;

  int64_t rank_ = 0;
  int64_t size_ = 1;
  int64_t local_rank_ = 0;
  int64_t local_size_ = 1;
  NodeGrid nodes_;
  std::string host_;
  c10::Device device_{c10::DeviceType::CPU};
  std::shared_ptr<FlightLog> flight_log_ = std::make_shared<FlightLog>();
  std::shared_ptr<AbortableCommunicators> abortables_ = std::make_shared<AbortableCommunicators>();
};

/// Call it first in every thread that uses LibTorch: the number of threads is a property of
/// the calling thread, and part of a run's identity.
void set_torch_threads(int64_t threads);

/// Throws EnvironmentError if the system does not allow `count` more threads (ulimit -u, a
/// container's limit of processes). Called at the start, because OpenMP would end the process
/// without saying what to do.
void require_threads(int64_t count);

}  // namespace nextframe
