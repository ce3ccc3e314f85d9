// The communicator over NCCL when a rank, a device or the library fails.
#include "launch/rank_agreement.h"
#include "tests/launch/fake_nccl/nccl_scene.h"

namespace nextframe {
namespace {

TEST_F(NcclCommunicator, AMissingPeerIsToldAndAborted) {
  run_ranks(2, [&](Communicator& host) {
    if (host.rank() == 1) return (void)broadcast_string(host, "");  // takes the id and goes
    const auto start = Clock::now();
    const auto error = error_of([&] { make_over_fake(host, {0.2, 1}); });
    EXPECT_NE(error.find("rank 0 on "), std::string::npos) << error;
    EXPECT_NE(error.find("GPU 0: ncclCommInitRankConfig failed: no answer from the other ranks"),
              std::string::npos)
        << error;
    EXPECT_LT(seconds_since(start), 2);
  });
  EXPECT_EQ(count("0 ncclCommAbort"), 1);
}

TEST_F(NcclCommunicator, AnAsynchronousErrorEndsTheWaitAndNamesAll) {
  fail(1, 2);
  run_ranks(2, [](Communicator& host) {
    AbortableCommunicators links;
    const auto all = make_over_fake(host, {}, &links);
    const auto value = at::ones({1000});
    all->all_reduce(value).wait();
    all->barrier().wait();
    EXPECT_EQ(links.fault().communicator, "");
    if (host.rank() == 0) {
      const auto ticket = all->all_reduce(value);
      EXPECT_TRUE(links.abort(1));  // it would wait for rank 1 for ever
      EXPECT_EQ(links.fault().communicator, "") << "an abort of one's own is no fault";
      return;
    }
    const auto error = error_of([&] { all->all_reduce(value).wait(); });
    for (const char* part :
         {"rank 1 on ", " GPU 0: all_reduce", "failed: remote process exited", "last words",
          "last collectives of this rank:", "#2 all_reduce 4000 bytes float32 "}) {
      EXPECT_NE(error.find(part), std::string::npos) << part << " is not in: " << error;
    }
    EXPECT_NE(error.find("barrier 1 bytes done"), std::string::npos) << error;
    const auto fault = links.fault();
    EXPECT_EQ(fault.communicator, "gradients");
    EXPECT_EQ(fault.text,
              "in #2 all_reduce of 4000 bytes: remote process exited (the fake's last words)");
    EXPECT_TRUE(fault.was_thrown && fault.is_peer_failure);
    EXPECT_NE(error_of([&] { all->barrier(); }).find("an earlier collective failed"),
              std::string::npos);
    EXPECT_EQ(links.fault().text, fault.text) << "the first one counts";
  });
  EXPECT_EQ(count("1 ncclCommAbort"), 1);
  EXPECT_EQ(count("1 ncclCommFinalize"), 0) << "an orderly end would wait for the peers";
}

TEST_F(NcclCommunicator, AWatchdogSeesTheErrorThatNobodyWaitsFor) {
  fail(0, 0);
  run_ranks(1, [](Communicator& host) {
    AbortableCommunicators links;
    const auto all = make_over_fake(host, {}, &links);
    const auto value = at::ones({4});
    const auto thrown = error_of([&] { all->all_reduce(value); });  // perhaps it is seen here
    const auto start = Clock::now();
    while (links.fault().communicator.empty() && seconds_since(start) < 2) {
    }
    EXPECT_EQ(links.fault().communicator, "gradients");
    EXPECT_EQ(links.fault().was_thrown, thrown != "no error");
  });
}

TEST_F(NcclCommunicator, AnAbortFreesWhoWaitsForAPeerThatNeverComes) {
  run_ranks(2, [](Communicator& host) {
    AbortableCommunicators links;
    const auto all = make_over_fake(host, {}, &links);
    if (host.rank() == 1) return all->barrier().wait();  // and comes to no second one
    const auto start = Clock::now();
    std::thread watchdog([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      EXPECT_EQ(links.fault().communicator, "") << "a peer that is late is no error of NCCL's";
      EXPECT_TRUE(links.abort(1));
    });
    all->barrier().wait();
    const auto error = error_of([&] { all->barrier().wait(); });
    EXPECT_NE(error.find("was aborted"), std::string::npos) << error;
    EXPECT_LT(seconds_since(start), 2);
    watchdog.join();
  });
}

TEST_F(NcclCommunicator, AbortsThatHangAreLeftBehindTogether) {
  fake_->abort_takes_s = 0.5;
  run_ranks(1, [](Communicator& host) {
    AbortableCommunicators links;
    const auto one = make_over_fake(host, {}, &links), other = make_over_fake(host, {}, &links);
    const auto start = Clock::now();
    EXPECT_FALSE(links.abort(0.05));
    EXPECT_EQ(links.fault().communicator, "") << "who asks meanwhile must not wait";
    EXPECT_LT(seconds_since(start), 0.4);
    EXPECT_TRUE(links.abort(0.05)) << "once is enough";
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(600));  // they still use the fake
}

TEST_F(NcclCommunicator, ACommunicatorThatHasEndedIsAskedNoMore) {
  run_ranks(2, [](Communicator& host) {
    AbortableCommunicators links;
    auto all = make_over_fake(host, {}, &links);
    const auto ticket = all->barrier();  // keeps what it waits for
    all.reset();
    ticket.wait();
    EXPECT_EQ(links.fault().communicator, "");
    EXPECT_TRUE(links.abort(1));
  });
  EXPECT_EQ(count("0 ncclCommAbort"), 0);
  EXPECT_EQ(fake_->calls.back().substr(2), "ncclCommDestroy");
}

TEST_F(NcclCommunicator, NamesItsRankInTheJob) {
  run_ranks(1, [](Communicator& host) {
    const auto all =
        make_nccl_communicator(host, std::make_unique<HostQueue>(), {}, {}, nullptr, 5);
    EXPECT_EQ(all->rank(), 0);
    try {
      all->broadcast(at::ones({1}), 3);
      ADD_FAILURE() << "no rank 3 is there";
    } catch (const std::invalid_argument& error) {
      EXPECT_EQ(std::string(error.what()).find("rank 5 on "), 0u) << error.what();
    }
  });
}

/// A GPU that has failed: from then on whoever asks it gets an exception.
class FailingQueue final : public HostQueue {
 public:
  std::atomic<bool> has_failed = false;
  std::shared_ptr<StreamEvent> record() override { return std::make_shared<Point>(has_failed); }

 private:
  struct Point final : StreamEvent {
    explicit Point(const std::atomic<bool>& failed) : has_failed(failed) {}
    bool is_done() const override {
      if (has_failed) throw std::runtime_error("an illegal memory access was encountered");
      return false;
    }
    bool make_caller_wait() const override { return true; }
    const std::atomic<bool>& has_failed;
  };
};

TEST_F(NcclCommunicator, ADeviceThatFailsIsAFaultToWhoAsks) {
  run_ranks(1, [](Communicator& host) {
    AbortableCommunicators links;
    auto queue = std::make_unique<FailingQueue>();
    auto& has_failed = queue->has_failed;
    const auto all = make_nccl_communicator(host, std::move(queue), {},
                                            std::make_shared<FlightRecorder>("gradients"), &links);
    all->all_reduce(at::ones({4}));
    EXPECT_EQ(links.fault().communicator, "");
    has_failed = true;
    const auto fault = links.fault();
    EXPECT_EQ(fault.communicator, "gradients");
    EXPECT_EQ(fault.text, "the device failed: an illegal memory access was encountered");
    EXPECT_FALSE(fault.was_thrown || fault.is_peer_failure);
    EXPECT_TRUE(links.abort(1));
  });
}

TEST_F(NcclCommunicator, DifferentCallsOfTheRanksBecomeAnError) {
  run_ranks(2, [](Communicator& host) {
    const auto all = make_over_fake(host);
    const auto value = at::ones({4}), gathered = at::ones({8});
    const auto error = error_of([&] {
      (host.rank() == 0 ? all->all_reduce(value) : all->all_gather(value, gathered)).wait();
    });
    EXPECT_NE(error.find("failed: another error"), std::string::npos) << error;
  });
}
}  // namespace
}  // namespace nextframe
