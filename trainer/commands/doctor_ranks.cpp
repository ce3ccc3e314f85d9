#include "trainer/commands/doctor_ranks.h"

#include "launch/affinity.h"
#include "launch/device.h"
#include "launch/environment.h"
#include "launch/error.h"
#include "launch/mpi/mpi_session.h"
#include "launch/rank_agreement.h"
#include "launch/world.h"

namespace nextframe {
namespace {

std::string describe(const World& world, size_t num_cpus_at_start) {
  std::string text = world.device().str();
  if (world.device().is_cuda()) {
    const auto gpus = visible_gpus();
    const auto& gpu = gpus.at(static_cast<size_t>(world.device().index()));
    text += " " + gpu.name + " at " + gpu.pci;
  }
  const auto cpus = current_cpus();
  text += ", CPUs " + to_cpu_list(cpus);
  // Only mpirun binds to less than a rank may have; a run widens that.
  if (cpus.size() != num_cpus_at_start)
    text += " (" + std::to_string(num_cpus_at_start) + " where it was started)";
  return text;
}

std::vector<std::pair<std::string, std::string>> rows_of_world() {
  const auto num_cpus = current_cpus().size();
  const MpiSession session;
  const World world(session, {"auto", 1});
  const auto control = world.make_host_communicator();
  const auto names = gather_strings(*control, process_name());
  const auto texts = gather_strings(*control, describe(world, num_cpus));
  std::vector<std::pair<std::string, std::string>> rows;
  for (size_t rank = 0; world.is_root() && rank < names.size(); ++rank)
    rows.emplace_back(world.size() > 1 ? names[rank] : "this process", texts[rank]);
  return rows;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> rank_rows() {
  try {
    return rows_of_world();
  } catch (const EnvironmentError& error) {
    // A report of a machine on which no run can start is worth having too.
    if (read_launcher_environment().has_mpi_launcher) throw;
    return {{"this process", error.what()}};
  }
}

}  // namespace nextframe
