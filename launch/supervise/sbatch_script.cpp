#include "launch/supervise/sbatch_script.h"

#include "launch/text.h"

namespace nextframe {
namespace {

/// sbatch has rules of its own for quotes in #SBATCH lines; the shell's are known.
bool has_plain_folder(const SbatchOptions& options) {
  return !options.folder.empty() && shell_words({options.folder}) == options.folder;
}

std::string header(const SbatchOptions& options) {
  const auto per_node = (options.num_ranks + options.num_nodes - 1) / options.num_nodes;
  std::string text = "#!/bin/bash\n";
  const auto add = [&text](const std::string& line) { text += "#SBATCH " + line + "\n"; };
  add("--job-name=" + options.name);
  add("--nodes=" + std::to_string(options.num_nodes) + " --ntasks=" +
      std::to_string(options.num_ranks) + " --ntasks-per-node=" + std::to_string(per_node));
  if (options.gpus_per_node > 0) add("--gpus-per-node=" + std::to_string(options.gpus_per_node));
  add("--cpus-per-task=" + std::to_string(options.cpus_per_rank));
  add("--signal=B:USR1@" + std::to_string(options.notice_s));
  add("--requeue --open-mode=append");
  // A node that fails is left out by the supervisor; Slurm alone would end the job.
  if (!uses_srun(options)) add("--no-kill");
  if (has_plain_folder(options)) add("--chdir=" + options.folder);
  return text + "# Add --partition, --account and --time as your cluster wants them.\n";
}

std::string start(const SbatchOptions& options, const std::vector<std::string>& launch,
                  std::vector<std::string> train) {
  if (!uses_srun(options)) return shell_words(launch);
  std::string words = "srun --mpi=pmix --kill-on-bad-exit=1 --cpus-per-task=" +
                      std::to_string(options.cpus_per_rank);
  const bool is_contained = !options.apptainer.empty() || !options.pyxis.empty();
  if (is_contained) train.front() = "nextframe";
  if (!options.apptainer.empty()) {
    words += " apptainer exec" + std::string(options.gpus_per_node > 0 ? " --nv" : "") +
             " --bind \"$PWD\" --pwd \"$PWD\" " + shell_words({options.apptainer});
  } else if (!options.pyxis.empty()) {
    words += " --container-image=" + shell_words({options.pyxis}) +
             " --container-mounts=\"$PWD:$PWD\" --container-workdir=\"$PWD\"";
  }
  return words + " " + shell_words(train);
}

}  // namespace

bool uses_srun(const SbatchOptions& options) {
  return options.use_srun || !options.apptainer.empty() || !options.pyxis.empty();
}

std::string sbatch_script(const SbatchOptions& options, const std::vector<std::string>& launch,
                          const std::vector<std::string>& train) {
  std::string text = header(options) + "\n";
  if (!options.folder.empty() && !has_plain_folder(options))
    text += "cd " + shell_words({options.folder}) + " || exit 5\n";
  text += start(options, launch, train) + " & job=$!\n";
  text +=
      "trap 'kill -USR1 $job' USR1\n"
      "wait $job; code=$?\n"
      "while [ $code = 138 ]; do wait $job; code=$?; done  # 138: the signal interrupted a wait\n"
      "case $code in\n"
      "  75) scontrol requeue $SLURM_JOB_ID ;;  # saved\n";
  if (uses_srun(options)) {
    text +=
        "  0 | 2 | 3 | 4 | 5 | 6 | 7 | 130) ;;  # done, or it would fail again\n"
        "  *) [ ${SLURM_RESTART_COUNT:-0} -ge 20 ] || scontrol requeue $SLURM_JOB_ID ;;\n";
  }
  return text + "esac\nexit $code\n";
}

}  // namespace nextframe
