// The communicator over NCCL with all of its own code, over a library with NCCL's names that moves
// host memory between threads. What NCCL and GPUs do themselves is not seen here.
#include "launch/nccl/nccl_communicator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "launch/error.h"
#include "launch/nccl/nccl_environment.h"
#include "launch/nccl/nccl_library.h"
#include "launch/roll_call.h"
#include "tests/launch/fake_nccl/host_queue.h"
#include "tests/launch/fake_nccl/loaded.h"
#include "tests/trainer/thread_world.h"
#include "trainer/gradients/step_exchange.h"

namespace nextframe {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::unique_ptr<Communicator> make(Communicator& host, const NcclLimits& limits = {},
                                   OpenLinks* links = nullptr) {
  return make_nccl_communicator(host, std::make_unique<HostQueue>(), limits,
                                std::make_shared<FlightRecorder>("gradients"), links);
}

/// The text of the EnvironmentError that `work` ends in.
std::string error_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const EnvironmentError& error) {
    return error.what();
  }
  return "no error";
}

class NcclCommunicator : public testing::Test {
 protected:
  NcclCommunicator() {
    fake_ = &loaded_fake_nccl();
    fake_->version = fake_->polls_in_progress = 0;
    fake_->failing_rank = -1;
    fake_->abort_takes_s = 0;
    fake_->calls.clear();
  }

  ~NcclCommunicator() override { fake_->version = 0; }  // or the next would not load it

  /// The collective number `number` of rank `rank` meets ncclRemoteError.
  void fail(int rank, int number) {
    fake_->failing_rank = rank;
    fake_->failing_collective = number;
    fake_->failure = 6;
  }

  int64_t count(const std::string& call) {
    const std::lock_guard lock(fake_->mutex);
    return std::count(fake_->calls.begin(), fake_->calls.end(), call);
  }

  FakeNccl* fake_ = nullptr;
};

TEST_F(NcclCommunicator, EveryCollectiveMovesWhatItShould) {
  for (const int64_t size : {1, 2, 3}) {
    run_ranks(size, [&](Communicator& host) {
      const auto all = make(host);
      ASSERT_EQ(all->size(), size);
      const auto ranks = at::arange(size, at::kLong).repeat_interleave(5);
      const double sum = static_cast<double>(size * (size - 1)) / 2;
      for (const auto type : {at::kFloat, at::kDouble, at::kBFloat16, at::kLong, at::kByte}) {
        const auto mine = at::full({5}, all->rank(), type), out = at::full({5}, 99, type);
        const auto many = at::full({5 * size}, 99, type);
        all->all_gather(mine, many).wait();
        EXPECT_TRUE(at::equal(many, ranks.to(type)));
        all->reduce_scatter(many, out).wait();
        EXPECT_TRUE(at::equal(out, at::full({5}, all->rank() * size, type)));
        all->all_reduce(mine).wait();
        EXPECT_TRUE(at::equal(mine, at::full({5}, sum, type)));
        const auto told = at::full({5}, all->rank() + 3, type);
        all->broadcast(told, size - 1).wait();
        EXPECT_TRUE(at::equal(told, at::full({5}, size + 2, type)));
      }
      all->barrier().wait();
    });
  }
}

TEST_F(NcclCommunicator, ParcelsArriveInTheOrderGiven) {
  run_ranks(3, [](Communicator& host) {
    const auto all = make(host);
    std::vector<Parcel> outgoing, incoming;
    for (int64_t peer = 0; peer < 3; ++peer) {
      for (int64_t n = 0; n < 2; ++n) {
        outgoing.push_back({peer, at::full({n + 1}, 100 * all->rank() + 10 * peer + n, at::kLong)});
        incoming.push_back({peer, at::full({n + 1}, -1, at::kLong)});
      }
    }
    all->exchange(outgoing, incoming).wait();
    for (int64_t i = 0; i < 6; ++i) {
      const auto expected = 100 * (i / 2) + 10 * all->rank() + i % 2;
      EXPECT_TRUE(at::equal(incoming[static_cast<size_t>(i)].tensor,
                            at::full({i % 2 + 1}, expected, at::kLong)));
    }
    const auto in = at::arange(3, at::kLong) + 10 * all->rank(), out = at::zeros({3}, at::kLong);
    all->all_to_all(in, {1, 1, 1}, out, {1, 1, 1}).wait();
    EXPECT_TRUE(at::equal(out, at::arange(3, at::kLong) * 10 + all->rank()));
  });
}

TEST_F(NcclCommunicator, WorkOfOneRankRunsBetweenItsCollectives) {
  run_ranks(2, [](Communicator& host) {
    const auto all = make(host);
    const auto value = at::ones({4});
    const auto first = all->all_reduce(value);
    all->then([value] { value.mul_(10); });
    const auto last = all->all_reduce(value);
    last.wait();
    first.wait();  // twice, and late, is allowed
    last.wait();
    EXPECT_TRUE(at::equal(value, at::full({4}, 40.0f)));
  });
}

TEST_F(NcclCommunicator, TheStrictSumHasTheBitsOfALoneRank) {
  constexpr int64_t kElements = 1003, kGrains = 6;
  const auto gradient = [](int64_t grain) {
    const auto generator = at::make_generator<at::CPUGeneratorImpl>(static_cast<uint64_t>(grain));
    return at::randn({kElements}, generator) * std::pow(10.0, grain % 5);
  };
  const auto sum = [&](const RankGroups& all) {
    StepExchange sync(all, kGrains, true);
    for (int64_t g = sync.first_grain(); g < sync.last_grain(); ++g)
      sync.begin(g), sync.add(g, gradient(g));
    return sync.finish().clone();
  };
  const auto alone = sum(*make_solo_communicator());
  for (const int64_t size : {2, 3, 5}) {
    run_ranks(size, [&](Communicator& host) {
      const auto all = make(host);
      EXPECT_TRUE(at::equal(sum(*all), alone)) << size << " ranks";
    });
  }
  // Each group has a communicator of its own, made over a host communicator of its ranks.
  for (const auto& [nodes, ranks] : {std::pair{2, 2}, {2, 3}, {3, 2}}) {
    run_nodes(nodes, ranks, [&](const RankGroups& hosts) {
      const auto all = make(hosts.all), inside = make(*hosts.inside), across = make(*hosts.across);
      const auto back = make(*hosts.inside);
      const RankGroups groups{*all, *inside, *across, *back};
      EXPECT_TRUE(at::equal(sum(groups), alone)) << nodes << " nodes of " << ranks;
    });
  }
}

TEST_F(NcclCommunicator, StartsWithoutBlockingAndEndsInOrder) {
  fake_->polls_in_progress = 3;  // after every call
  run_ranks(2, [](Communicator& host) {
    if (host.rank() == 1) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const auto all = make(host);
    all->barrier().wait();
  });
  EXPECT_EQ(fake_->calls.front(), "0 ncclGetUniqueId");
  EXPECT_EQ(count("1 ncclGetUniqueId"), 0);
  for (const char* rank : {"0 ", "1 "}) {
    std::vector<std::string> calls;
    for (const auto& call : fake_->calls) {
      if (call.starts_with(rank) && !call.ends_with("Id")) calls.push_back(call.substr(2));
    }
    EXPECT_EQ(calls, (std::vector<std::string>{"ncclCommInitRankConfig", "ncclAllReduce",
                                               "ncclCommFinalize", "ncclCommDestroy"}));
  }
}

TEST_F(NcclCommunicator, AMissingPeerIsToldAndAborted) {
  run_ranks(2, [&](Communicator& host) {
    if (host.rank() == 1) return (void)broadcast_string(host, "");  // takes the id and goes
    const auto start = Clock::now();
    const auto error = error_of([&] { make(host, {0.2, 1}); });
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
    OpenLinks links;
    const auto all = make(host, {}, &links);
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
    EXPECT_TRUE(fault.is_told && fault.is_of_peers);
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
    OpenLinks links;
    const auto all = make(host, {}, &links);
    const auto value = at::ones({4});
    const auto thrown = error_of([&] { all->all_reduce(value); });  // perhaps it is seen here
    const auto start = Clock::now();
    while (links.fault().communicator.empty() && seconds_since(start) < 2) {
    }
    EXPECT_EQ(links.fault().communicator, "gradients");
    EXPECT_EQ(links.fault().is_told, thrown != "no error");
  });
}

TEST_F(NcclCommunicator, AnAbortFreesWhoWaitsForAPeerThatNeverComes) {
  run_ranks(2, [](Communicator& host) {
    OpenLinks links;
    const auto all = make(host, {}, &links);
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
    OpenLinks links;
    const auto one = make(host, {}, &links), other = make(host, {}, &links);
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
    OpenLinks links;
    auto all = make(host, {}, &links);
    const auto ticket = all->barrier();  // keeps what it waits for
    all.reset();
    ticket.wait();
    EXPECT_EQ(links.fault().communicator, "");
    EXPECT_TRUE(links.abort(1));
  });
  EXPECT_EQ(count("0 ncclCommAbort"), 0);
  EXPECT_EQ(fake_->calls.back().substr(2), "ncclCommDestroy");
}

TEST_F(NcclCommunicator, DifferentCallsOfTheRanksBecomeAnError) {
  run_ranks(2, [](Communicator& host) {
    const auto all = make(host);
    const auto value = at::ones({4}), gathered = at::ones({8});
    const auto error = error_of([&] {
      (host.rank() == 0 ? all->all_reduce(value) : all->all_gather(value, gathered)).wait();
    });
    EXPECT_NE(error.find("failed: another error"), std::string::npos) << error;
  });
}

TEST_F(NcclCommunicator, AnOlderLibraryIsRefusedWithTheRemedy) {
  fake_->version = 22703;
  const auto error = error_of([] { load_nccl(); });
  EXPECT_NE(error.find("NCCL 2.27.3 was found, 2.28.9 or newer is needed"), std::string::npos);
  EXPECT_NE(error.find("nvidia-nccl-cu13"), std::string::npos) << error;
}

TEST_F(NcclCommunicator, TheOrderOfSumsIsPinnedBeforeTheLibraryIsThere) {
  EXPECT_EQ(fake_->algorithm, "Ring");
  setenv("NCCL_PROTO", "LL", 1);  // the user's own
  unsetenv("NCCL_MAX_CTAS");
  pin_nccl_sums();
  EXPECT_STREQ(std::getenv("NCCL_PROTO"), "LL");
  EXPECT_STREQ(std::getenv("NCCL_MAX_CTAS"), "16");
  EXPECT_STREQ(std::getenv("NCCL_NVLS_ENABLE"), "0");
}

}  // namespace
}  // namespace nextframe
