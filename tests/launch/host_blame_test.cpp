#include <gtest/gtest.h>

#include "launch/supervise/host_list.h"

namespace nextframe {
namespace {

using Names = std::vector<std::string>;

Names blamed(const std::string& text) {
  return hosts_to_blame(text, {{"node01", 2}, {"node02", 2}, {"node03.example", 2}});
}

// What OpenMPI 4.1.4 printed on hosts made of namespaces, shortened.
constexpr char kKilled[] = R"(step 108/100000  loss 0.01445  grad 0.007
--------------------------------------------------------------------------
Primary job  terminated normally, but 1 process returned
a non-zero exit code. Per user-direction, the job has been aborted.
--------------------------------------------------------------------------
An MPI communication peer process has unexpectedly disconnected.  This
usually indicates a failure in the peer process (e.g., a crash or
otherwise exiting without calling MPI_FINALIZE first).

  Local host: node03
  Local PID:  8
  Peer host:  node02
--------------------------------------------------------------------------
mpirun noticed that process rank 2 with PID 8 on node node02 exited on signal 9 (Killed).
--------------------------------------------------------------------------
)";

constexpr char kLostDaemon[] = R"(ORTE has lost communication with a remote daemon.

  HNP daemon   : [[18093,0],0] on node node01
  Remote daemon: [[18093,0],1] on node node02

This is usually due to either a failure of the TCP network
connection to the node, or possibly an internal failure of
the daemon itself. We cannot recover from this failure, and
therefore will terminate the job.
)";

constexpr char kUnreachable[] = R"(ssh: connect to host node02 port 22: Connection timed out
--------------------------------------------------------------------------
ORTE was unable to reliably start one or more daemons.
This usually is caused by:
--------------------------------------------------------------------------
ORTE does not know how to route a message to the specified daemon
located on the indicated node:

  my node:   node01
  target node:  node03
)";

TEST(HostBlame, ARankThatDiedByASignal) { EXPECT_EQ(blamed(kKilled), Names{"node02"}); }

TEST(HostBlame, ADaemonThatIsGone) { EXPECT_EQ(blamed(kLostDaemon), Names{"node02"}); }

TEST(HostBlame, AHostThatCannotBeReached) {
  EXPECT_EQ(blamed(kUnreachable), Names{"node02"});
  EXPECT_EQ(blamed("ssh: Could not resolve hostname node02: Name or service not known\n"),
            Names{"node02"});
}

TEST(HostBlame, ALostDaemonOutweighsWhatTheOtherRanksSay) {
  EXPECT_EQ(blamed("rank 0 on node01: MPI_Allreduce failed: the peer is gone\n" +
                   std::string(kLostDaemon) + kKilled),
            Names{"node02"});
}

TEST(HostBlame, SlurmsWordsForANodeAndATask) {
  EXPECT_EQ(blamed("srun: error: node02: task 3: Killed\n"), Names{"node02"});
  EXPECT_EQ(blamed("srun: error: Node failure on node02\n"), Names{"node02"});
}

TEST(HostBlame, AnErrorOfOurOwn) {
  EXPECT_EQ(blamed("nextframe: rank 3 on node02: cannot read data/a.h5: Input/output error\n"),
            Names{"node02"});
}

TEST(HostBlame, WhatRanksOfSeveralHostsSayIsNoHostsFault) {
  EXPECT_EQ(blamed("nextframe: rank 1 on node01: no space left\nnextframe: rank 2 on node02: no "
                   "space left\n"),
            Names{});
}

TEST(HostBlame, TheCulpritOfAHangAndNotThoseWhoWaited) {
  EXPECT_EQ(blamed("rank 0 on node01: gave up in step 7 after 10.0 s\n"
                   "rank 3 on node02 fell silent: last seen in step, step 7\n"),
            Names{"node02"});
  EXPECT_EQ(blamed("launch: hang: rank 3 on node02 never entered all_reduce (gradients, step 7)\n"),
            Names{"node02"});
}

TEST(HostBlame, WhoWaitsInVainIsNotToBlame) {
  EXPECT_EQ(
      blamed("nextframe: rank 0 on node01: no progress for 10.1 s (limit 10.0 s) in step 118\n"
             "nextframe: hang: all ranks entered #351 all_gather, and none completed it\n"),
      Names{});
  EXPECT_EQ(blamed("rank 0 on node01: 1 of 4 ranks have not come within 300 s: rank 3; here are\n"),
            Names{});
}

TEST(HostBlame, NamesAreThoseOfTheListAndNoOthers) {
  EXPECT_EQ(
      blamed("mpirun noticed that process rank 5 with PID 8 on node node03 exited on signal 11 "
             "(Segmentation fault).\n"),
      Names{"node03.example"});
  EXPECT_EQ(blamed("mpirun noticed that process rank 5 with PID 8 on node else exited on signal 9 "
                   "(Killed).\n"),
            Names{});
  EXPECT_EQ(blamed("step 4/100  loss 0.01\n"), Names{});
}

}  // namespace
}  // namespace nextframe
