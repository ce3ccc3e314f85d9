// The communicator over NCCL with all of its own code, as it works when all goes well.
#include <cstdlib>

#include "launch/nccl/nccl_library.h"
#include "launch/rank_agreement.h"
#include "tests/launch/fake_nccl/nccl_scene.h"
#include "trainer/parallel/ddp.h"

namespace nextframe {
namespace {

TEST_F(NcclCommunicator, EveryCollectiveMovesWhatItShould) {
  for (const int64_t size : {1, 2, 3}) {
    run_ranks(size, [&](Communicator& host) {
      const auto all = make_over_fake(host);
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
    const auto all = make_over_fake(host);
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
    const auto all = make_over_fake(host);
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
  const auto sum = [&](const ProcessGroups& all) {
    DdpSync sync(all, kGrains, true);
    for (int64_t g = sync.first_grain(); g < sync.last_grain(); ++g)
      sync.begin(g), sync.add(g, gradient(g));
    return sync.finish().clone();
  };
  const auto alone = sum(*make_solo_communicator());
  for (const int64_t size : {2, 3, 5}) {
    run_ranks(size, [&](Communicator& host) {
      const auto all = make_over_fake(host);
      EXPECT_TRUE(at::equal(sum(*all), alone)) << size << " ranks";
    });
  }
  // Each group has a communicator of its own, made over a host communicator of its ranks.
  for (const auto& [nodes, ranks] : {std::pair{2, 2}, {2, 3}, {3, 2}}) {
    run_nodes(nodes, ranks, [&](const ProcessGroups& hosts) {
      const auto all = make_over_fake(hosts.all), inside = make_over_fake(*hosts.intra_node),
                 across = make_over_fake(*hosts.inter_node);
      const auto back = make_over_fake(*hosts.intra_node);
      const ProcessGroups groups{*all, *inside, *across, *back};
      EXPECT_TRUE(at::equal(sum(groups), alone)) << nodes << " nodes of " << ranks;
    });
  }
}

TEST_F(NcclCommunicator, StartsWithoutBlockingAndEndsInOrder) {
  fake_->polls_in_progress = 3;  // after every call
  run_ranks(2, [](Communicator& host) {
    if (host.rank() == 1) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const auto all = make_over_fake(host);
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
