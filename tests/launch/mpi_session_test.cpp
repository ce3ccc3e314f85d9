#include "launch/mpi/mpi_session.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <string>

#include "launch/environment.h"
#include "launch/error.h"
#include "launch/world.h"

namespace nextframe {
namespace {

/// Sets a variable for one test.
class ScopedVariable {
 public:
  ScopedVariable(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
  ~ScopedVariable() { unsetenv(name_); }

 private:
  const char* name_;
};

TEST(MpiSession, WithoutALauncherMpiIsNeverStarted) {
  const MpiSession session;
  EXPECT_FALSE(session.is_active());
  const World world(session, {"cpu", 1});
  EXPECT_EQ(world.size(), 1);
  EXPECT_EQ(world.local_size(), 1);
  EXPECT_TRUE(world.is_root());
  EXPECT_EQ(end_job(75), 75);  // returns: nobody waits
  EXPECT_EQ(process_name(), host_name());
}

TEST(MpiSession, ASlurmTaskAloneInItsWorldIsRefusedWithTheRemedy) {
  const ScopedVariable tasks("SLURM_NTASKS", "4");
  try {
    const MpiSession session;
    FAIL() << "a lonely Slurm task was accepted";
  } catch (const EnvironmentError& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("SLURM_NTASKS is 4"), std::string::npos) << message;
    EXPECT_NE(message.find("srun --mpi=pmix"), std::string::npos) << message;
  }
}

TEST(MpiSession, ASingleSlurmTaskIsFine) {
  const ScopedVariable tasks("SLURM_NTASKS", "1");
  EXPECT_FALSE(MpiSession().is_active());
}

TEST(LauncherEnvironment, ReadsTheRankOfEachLauncher) {
  EXPECT_FALSE(read_launcher_environment().has_mpi_launcher);
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"}) {
    const ScopedVariable rank(name, "3");
    EXPECT_TRUE(read_launcher_environment().has_mpi_launcher) << name;
    EXPECT_EQ(read_launcher_environment().rank, 3) << name;
  }
  const ScopedVariable rank("PMIX_RANK", "three");
  EXPECT_FALSE(read_launcher_environment().has_mpi_launcher);
}

TEST(LauncherEnvironment, KnowsWhenTheJobEnds) {
  EXPECT_FALSE(read_launcher_environment().job_ends_in_s.has_value());
  const auto end = std::to_string(std::time(nullptr) + 600);
  const ScopedVariable job_end("SLURM_JOB_END_TIME", end.c_str());
  EXPECT_FALSE(read_launcher_environment().job_ends_in_s.has_value());  // there is no job
  const ScopedVariable job("SLURM_JOB_ID", "17");
  EXPECT_NEAR(read_launcher_environment().job_ends_in_s.value_or(0), 600, 2);
  const auto past = std::to_string(std::time(nullptr) - 600);
  const ScopedVariable job_has_ended("SLURM_JOB_END_TIME", past.c_str());
  EXPECT_FALSE(read_launcher_environment().job_ends_in_s.has_value());
}

}  // namespace
}  // namespace nextframe
