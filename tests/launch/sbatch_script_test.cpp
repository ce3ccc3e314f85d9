#include "launch/supervise/sbatch_script.h"

#include <gtest/gtest.h>

namespace nextframe {
namespace {

const std::vector<std::string> kLaunch = {"/opt/nextframe", "launch", "-n", "16",
                                          "train",          "a.yaml"};
const std::vector<std::string> kTrain = {"/opt/nextframe", "train", "a.yaml", "--set", "a.b=it's"};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != text.npos;
}

TEST(SbatchScript, ASupervisedJobOutlivesANodeAndIsQueuedAgainWhenPreemptedOnly) {
  const auto script = sbatch_script({.num_ranks = 16, .num_nodes = 2}, kLaunch, kTrain);
  for (const char* part :
       {"#SBATCH --nodes=2 --ntasks=16 --ntasks-per-node=8\n", "#SBATCH --signal=B:USR1@120\n",
        "#SBATCH --requeue --open-mode=append\n", "#SBATCH --no-kill\n",
        "/opt/nextframe launch -n 16 train a.yaml & job=$!\n", "trap 'kill -USR1 $job' USR1\n",
        "75) scontrol requeue $SLURM_JOB_ID", "exit $code\n"}) {
    EXPECT_TRUE(contains(script, part)) << part << " is not in\n" << script;
  }
  EXPECT_FALSE(contains(script, "srun"));
  EXPECT_FALSE(contains(script, "gpus"));
  EXPECT_FALSE(contains(script, "SLURM_RESTART_COUNT"));
}

TEST(SbatchScript, UnderSrunSlurmStartsTheRanksAndCrashesAreQueuedAgainToo) {
  const auto script = sbatch_script(
      {.num_ranks = 12, .num_nodes = 2, .gpus_per_node = 8, .use_srun = true}, kLaunch, kTrain);
  for (const char* part :
       {"--ntasks=12 --ntasks-per-node=6\n", "#SBATCH --gpus-per-node=8\n",
        "srun --mpi=pmix --kill-on-bad-exit=1 --cpus-per-task=1 /opt/nextframe train a.yaml --set "
        "'a.b=it'\\''s' & job=$!\n",
        "${SLURM_RESTART_COUNT:-0} -ge 20"}) {
    EXPECT_TRUE(contains(script, part)) << part << " is not in\n" << script;
  }
  EXPECT_FALSE(contains(script, "--no-kill"));
}

TEST(SbatchScript, AFolderWithQuotesIsEnteredByTheShell) {
  EXPECT_TRUE(contains(sbatch_script({.folder = "/a/b"}, kLaunch, kTrain), "--chdir=/a/b\n"));
  const auto script = sbatch_script({.folder = "/it's $a"}, kLaunch, kTrain);
  EXPECT_TRUE(contains(script, "\ncd '/it'\\''s $a' || exit 5\n")) << script;
  EXPECT_FALSE(contains(script, "--chdir"));
}

TEST(SbatchScript, AContainerHoldsTheProgram) {
  const auto apptainer =
      sbatch_script({.gpus_per_node = 8, .apptainer = "my image.sif"}, kLaunch, kTrain);
  EXPECT_TRUE(contains(apptainer,
                       "apptainer exec --nv --bind \"$PWD\" --pwd \"$PWD\" "
                       "'my image.sif' nextframe train a.yaml"))
      << apptainer;
  const auto pyxis = sbatch_script({.pyxis = "ghcr.io#me/nextframe:1"}, kLaunch, kTrain);
  EXPECT_TRUE(contains(pyxis,
                       "--container-image='ghcr.io#me/nextframe:1' "
                       "--container-mounts=\"$PWD:$PWD\" "
                       "--container-workdir=\"$PWD\" nextframe train a.yaml"))
      << pyxis;
}

}  // namespace
}  // namespace nextframe
