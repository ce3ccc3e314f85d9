// nextframe doctor: this machine, as markdown for a bug report; exit 5 with the fix on a problem.
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <torch/version.h>

#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

#include "data/h5_version.h"
#include "data/video/video_decoder.h"
#include "launch/affinity.h"
#include "launch/device.h"
#include "launch/environment.h"
#include "launch/machine_report.h"
#include "trainer/commands/command.h"
#include "trainer/commands/doctor_ranks.h"
#include "trainer/exit_code.h"
#include "trainer/machine_checks.h"
#include "trainer/version.h"

namespace nextframe {
namespace {

using Rows = std::vector<std::pair<std::string, std::string>>;

Rows library_rows() {
  Rows rows = {{"nextframe", version() + " (commit " + commit() + ", " + build_type() + ")"},
               {"compiler", __VERSION__},
               {"LibTorch", TORCH_VERSION},
               {"MPI", mpi_library()},
               {"NCCL", nccl_library()},
               {"HDF5", hdf5_version()},
               {"video", describe_video_module()}};
  if (has_cuda_build() && at::hasCUDA()) {
    const auto& cuda = at::detail::getCUDAHooks();
    rows.emplace_back("CUDA runtime", std::to_string(cuda.versionCUDART()));
    rows.emplace_back("cuDNN", std::to_string(cuda.versionRuntimeCuDNN()));
  } else {
    rows.emplace_back("CUDA", has_cuda_build() ? "no GPU or driver" : "not in this build");
  }
  return rows;
}

Rows machine_rows() {
  Rows rows = {{"host", host_name()},
               {"CPU capability", at::get_cpu_capability()},
               {"cores", std::to_string(std::thread::hardware_concurrency())},
               {"cores for this process", std::to_string(available_cpus("").size())},
               {"OpenMP threads", std::to_string(at::get_num_threads())}};
  for (const auto& gpu : visible_gpus()) rows.emplace_back("GPU", gpu.name + " at " + gpu.pci);
  return rows;
}

void print_table(const std::string& heading, const Rows& rows) {
  std::cout << "## " << heading << "\n\n";
  for (const auto& [name, value] : rows) std::cout << "- " << name << ": `" << value << "`\n";
  if (rows.empty()) std::cout << "none\n";
  std::cout << "\n";
}

void print_markdown(const std::vector<MachineCheck>& checks, const Rows& ranks) {
  std::cout << "# nextframe doctor\n\n";
  print_table("Versions", library_rows());
  print_table("Machine", machine_rows());
  print_table("Ranks", ranks);
  print_table("Environment", relevant_environment());
  std::cout << "## Checks in " << std::filesystem::current_path().string() << "\n\n";
  for (const auto& [what, found, fix] : checks) {
    std::cout << "- " << (fix.empty() ? "ok" : "**problem**") << " " << what << ": " << found
              << (fix.empty() ? "" : "; " + fix) << "\n";
  }
  std::cout << std::flush;
}

void print_json(const std::vector<MachineCheck>& checks, const Rows& ranks) {
  nlohmann::ordered_json report = {{"versions", library_rows()},
                                   {"machine", machine_rows()},
                                   {"ranks", ranks},
                                   {"environment", relevant_environment()}};
  for (const auto& [what, found, fix] : checks) {
    report["checks"].push_back(
        {{"check", what}, {"ok", fix.empty()}, {"found", found}, {"fix", fix}});
  }
  using nlohmann::json;
  std::cout << report.dump(2, ' ', false, json::error_handler_t::replace) << std::endl;
}

int doctor(bool as_json) {
  const auto ranks = rank_rows();
  if (ranks.empty()) return 0;  // rank 0 speaks for this one
  const auto checks = check_machine(std::filesystem::current_path());
  (as_json ? print_json : print_markdown)(checks, ranks);
  for (const auto& check : checks) {
    if (!check.fix.empty()) return static_cast<int>(ExitCode::environment);
  }
  return 0;
}

CommandBody set_up_doctor(CLI::App& app) {
  app.group(kConfigCommands);
  const auto as_json = std::make_shared<bool>(false);
  app.add_flag("--json", *as_json, "print one JSON value on standard output");
  return [as_json] { return doctor(*as_json); };
}

}  // namespace

NF_REGISTER_COMMAND(doctor, "doctor", "check this machine; print versions for a bug report",
                    set_up_doctor)

}  // namespace nextframe
