#include "launch/world.h"

#include <ATen/Parallel.h>
#include <c10/util/StringUtil.h>
#include <mpi.h>

#include <latch>
#include <memory>
#include <thread>

#include "launch/affinity.h"
#include "launch/device.h"
#include "launch/environment.h"
#include "launch/error.h"
#include "launch/mpi/mpi_communicator.h"
#include "launch/nccl/nccl_communicator.h"
#include "launch/rank_agreement.h"

namespace nextframe {
namespace {

/// Where this rank stands among those that share memory with it.
struct LocalPlace {
  int rank = 0;
  int size = 1;
  int host_number = 0;  // the first such rank's number in the world
};

LocalPlace find_local_place() {
  MPI_Comm local = MPI_COMM_NULL;
  LocalPlace place;
  MPI_Comm_rank(MPI_COMM_WORLD, &place.host_number);
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, place.host_number, MPI_INFO_NULL,
                      &local);
  MPI_Comm_rank(local, &place.rank);
  MPI_Comm_size(local, &place.size);
  MPI_Bcast(&place.host_number, 1, MPI_INT, 0, local);
  MPI_Comm_free(&local);
  return place;
}

/// The device of this rank, agreed with the others: a problem of one rank is thrown on all.
c10::Device agree_on_device(Communicator& all, const DeviceQuestion& question) {
  c10::Device device(c10::DeviceType::CPU);
  std::string problem;
  try {
    device = pick_device(question);
  } catch (const EnvironmentError& error) {
    problem = error.what();
  }
  require_no_problem(all, "no device for every rank", problem);
  require_equal(all, "kind of device (parallel.device)", c10::DeviceTypeName(device.type(), true));
  return device;
}

/// Which ranks share a host, or would, in a test of several nodes on one machine.
NodeGrid agree_on_nodes(Communicator& all, int64_t host_number) {
  if (const int64_t pretended = test_ranks_per_node(); pretended > 0)
    host_number = all.rank() / pretended;
  std::vector<int64_t> hosts;
  for (const auto& host : gather_strings(all, std::to_string(host_number)))
    hosts.push_back(std::stoll(host));
  return make_node_grid(hosts);
}

void refuse_shared_gpus(Communicator& all, int64_t host_number, const std::string& gpu_identity) {
  const auto hosts = gather_strings(all, std::to_string(host_number));
  const auto identities = gather_strings(all, gpu_identity);
  std::vector<RankDevice> ranks;
  for (size_t rank = 0; rank < hosts.size(); ++rank) {
    ranks.push_back({std::stoll(hosts[rank]), identities[rank]});
  }
  const auto problem = shared_gpu_problem(ranks);
  if (!problem.empty()) throw EnvironmentError(problem);
}

/// Ranks of one host that could have the same CPUs share them out.
void take_cpu_share(Communicator& all, int64_t host_number, const std::string& gpu_pci) {
  const auto cpus = available_cpus(gpu_pci);
  const auto mine = c10::str(host_number, ": ", c10::Join(" ", cpus));
  int64_t index = 0, count = 0;
  const auto everyone = gather_strings(all, mine);
  for (size_t rank = 0; rank < everyone.size(); ++rank) {
    if (everyone[rank] != mine) continue;
    if (static_cast<int64_t>(rank) < all.rank()) ++index;
    ++count;
  }
  widen_affinity(cpu_share(cpus, index, count));
}

}  // namespace

World::World(const MpiSession& session, const WorldOptions& options) : host_(host_name()) {
  LocalPlace place;
  if (session.is_active()) {
    int rank = 0, size = 1;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    rank_ = rank;
    size_ = size;
    place = find_local_place();
    local_rank_ = place.rank;
    local_size_ = place.size;
  }
  const auto all = make_host_communicator();
  nodes_ = agree_on_nodes(*all, place.host_number);
  const auto gpus = options.device == "cpu" ? std::vector<Gpu>() : visible_gpus();
  device_ = agree_on_device(*all, {options.device, has_cuda_build(),
                                   static_cast<int64_t>(gpus.size()), local_rank_, local_size_});
  const Gpu gpu = device_.is_cuda() ? gpus[static_cast<size_t>(device_.index())] : Gpu();
  refuse_shared_gpus(*all, place.host_number, gpu.identity);
  // Slurm's own binding is what the job was given; only mpirun binds more narrowly than anybody
  // asked.
  if (read_launcher_environment().is_mpirun) take_cpu_share(*all, place.host_number, gpu.pci);
  if (device_.is_cuda()) use_gpu(device_.index());
  set_torch_threads(options.threads);
}

std::unique_ptr<Communicator> World::make_host_communicator(const std::string& name) const {
  return size_ > 1 ? make_mpi_communicator(flight_log_->open(name)) : make_solo_communicator();
}

std::unique_ptr<Communicator> World::make_device_communicator(const std::string& name,
                                                              RankGroup group) const {
  if (size_ == 1) return make_solo_communicator();
  const auto [number, members, full_name] = describe(group, name);
  auto recorder = flight_log_->open(full_name, group == RankGroup::all ? 0 : members);
  if (device_.is_cpu()) return make_mpi_communicator(std::move(recorder), number);
  const auto host = make_mpi_communicator(nullptr, number);
  return make_nccl_communicator(*host, make_gpu_stream(device_.index()), {}, std::move(recorder),
                                abortables_.get(), rank_);
}

World::GroupPlace World::describe(RankGroup group, const std::string& name) const {
  const int64_t node = nodes_.node(rank_), place = nodes_.place(rank_);
  switch (group) {
    case RankGroup::intra_node:
      return {node, nodes_.ranks_per_node, c10::str(name, " in node ", node)};
    case RankGroup::inter_node:
      return {place, nodes_.num_nodes, c10::str(name, " across nodes at place ", place)};
    default:
      return {0, size_, name};
  }
}

void set_torch_threads(int64_t threads) { at::set_num_threads(static_cast<int>(threads)); }

void require_threads(int64_t count) {
  std::latch end(1);
  std::vector<std::jthread> threads;  // joined last
  const std::unique_ptr<std::latch, void (*)(std::latch*)> ending(
      &end, [](std::latch* latch) { latch->count_down(); });
  try {
    while (std::ssize(threads) < count) threads.emplace_back([&end] { end.wait(); });
  } catch (const std::system_error&) {
    throw EnvironmentError(c10::str(
        host_name(), ": the system allows ", threads.size(), " threads more, and ", count,
        " are needed; raise its limit (ulimit -u, or the container's limit of processes), or take "
        "fewer parallel.threads, data.loader_threads and ranks"));
  }
}

}  // namespace nextframe
