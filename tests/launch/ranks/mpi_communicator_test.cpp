#include "launch/mpi/mpi_communicator.h"

#include <ATen/Functions.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <string>

namespace nextframe {
namespace {

constexpr at::ScalarType kTypes[] = {at::kFloat, at::kDouble, at::kBFloat16, at::kLong, at::kByte};
constexpr int64_t kSizes[] = {0, 1, 3, 17, 1001, 65537};

/// Small whole numbers that differ by rank, so that every sum below is exact in every type.
at::Tensor pattern(int64_t rank, int64_t elements, at::ScalarType type) {
  return at::arange(elements, at::kLong).add(rank * 3).remainder(7).to(type);
}

at::Tensor sum_of_patterns(int64_t size, int64_t elements, at::ScalarType type) {
  auto sum = at::zeros({elements}, at::kLong);
  for (int64_t rank = 0; rank < size; ++rank) sum += pattern(rank, elements, at::kLong);
  return sum.to(type);
}

template <class Body>
void for_each_type_and_size(const Body& body) {
  for (const auto type : kTypes) {
    for (const int64_t elements : kSizes) {
      SCOPED_TRACE(std::string(c10::toString(type)) + " of " + std::to_string(elements));
      body(type, elements);
    }
  }
}

TEST(MpiCommunicator, AllReduceIsTheSumOverRanks) {
  const auto all = make_mpi_communicator();
  for_each_type_and_size([&](at::ScalarType type, int64_t elements) {
    const auto tensor = pattern(all->rank(), elements, type);
    all->all_reduce(tensor).wait();
    EXPECT_TRUE(at::equal(tensor, sum_of_patterns(all->size(), elements, type)));
  });
}

TEST(MpiCommunicator, ReduceScatterIsThisRanksSliceOfTheSum) {
  const auto all = make_mpi_communicator();
  for_each_type_and_size([&](at::ScalarType type, int64_t elements) {
    const auto in = pattern(all->rank(), elements * all->size(), type);
    const auto out = at::full({elements}, 99, type);
    all->reduce_scatter(in, out).wait();
    const auto sum = sum_of_patterns(all->size(), elements * all->size(), type);
    EXPECT_TRUE(at::equal(out, sum.narrow(0, all->rank() * elements, elements)));
  });
}

TEST(MpiCommunicator, AllGatherPutsRanksOneAfterAnother) {
  const auto all = make_mpi_communicator();
  for_each_type_and_size([&](at::ScalarType type, int64_t elements) {
    const auto in = pattern(all->rank(), elements, type);
    const auto out = at::full({elements * all->size()}, 99, type);
    all->all_gather(in, out).wait();
    for (int64_t rank = 0; rank < all->size(); ++rank) {
      EXPECT_TRUE(
          at::equal(out.narrow(0, rank * elements, elements), pattern(rank, elements, type)));
    }
  });
}

TEST(MpiCommunicator, BroadcastCopiesTheRootWhicheverItIs) {
  const auto all = make_mpi_communicator();
  for (int64_t root = 0; root < all->size(); ++root) {
    for_each_type_and_size([&](at::ScalarType type, int64_t elements) {
      const auto tensor = pattern(all->rank(), elements, type);
      all->broadcast(tensor, root).wait();
      EXPECT_TRUE(at::equal(tensor, pattern(root, elements, type)));
    });
  }
}

/// Elements that rank `from` sends to rank `to`; zero for some pairs.
int64_t share(int64_t from, int64_t to, int64_t elements) { return (from + 2 * to) % 3 * elements; }

TEST(MpiCommunicator, AllToAllDeliversUnequalSharesInRankOrder) {
  const auto all = make_mpi_communicator();
  const int64_t mine = all->rank();
  for_each_type_and_size([&](at::ScalarType type, int64_t elements) {
    std::vector<int64_t> in_counts, out_counts;
    std::vector<at::Tensor> in, expected;
    for (int64_t rank = 0; rank < all->size(); ++rank) {
      in_counts.push_back(share(mine, rank, elements));
      out_counts.push_back(share(rank, mine, elements));
      in.push_back(pattern(mine + rank, in_counts.back(), type));
      expected.push_back(pattern(rank + mine, out_counts.back(), type));
    }
    const auto out =
        at::full({std::accumulate(out_counts.begin(), out_counts.end(), int64_t{0})}, 99, type);
    all->all_to_all(at::cat(in), in_counts, out, out_counts).wait();
    EXPECT_TRUE(at::equal(out, at::cat(expected)));
  });
}

TEST(MpiCommunicator, AllGatherLeavesWhatLiesInItsPlace) {
  const auto all = make_mpi_communicator();
  const auto out = at::full({all->size() * 5}, 99.0f);
  const auto mine = out.narrow(0, all->rank() * 5, 5).fill_(static_cast<float>(all->rank()));
  all->all_gather(mine, out).wait();
  EXPECT_TRUE(at::equal(out, at::arange(all->size(), at::kFloat).repeat_interleave(5)));
  if (all->size() > 1) {  // another rank's place
    const auto wrong = out.narrow(0, (all->rank() + 1) % all->size() * 5, 5);
    EXPECT_THROW(all->all_gather(wrong, out), std::invalid_argument);
  }
}

TEST(MpiCommunicator, ParcelsArriveInTheOrderGiven) {
  const auto all = make_mpi_communicator();
  const int64_t mine = all->rank(), size = all->size();
  for_each_type_and_size([&](at::ScalarType type, int64_t elements) {
    // Every rank sends every rank, itself too, `peer + 1` parcels.
    std::vector<Parcel> outgoing, incoming;
    for (int64_t peer = 0; peer < size; ++peer) {
      for (int64_t n = 0; n <= peer; ++n)
        outgoing.push_back({peer, pattern(mine + n, share(mine, n, elements), type)});
      for (int64_t n = 0; n <= mine; ++n)
        incoming.push_back({peer, at::full({share(peer, n, elements)}, 99, type)});
    }
    all->exchange(outgoing, incoming).wait();
    for (size_t i = 0; i < incoming.size(); ++i) {
      const int64_t peer = incoming[i].peer, n = static_cast<int64_t>(i) % (mine + 1);
      EXPECT_TRUE(at::equal(incoming[i].tensor, pattern(peer + n, share(peer, n, elements), type)));
    }
  });
}

TEST(MpiCommunicator, LargeTensorsGoInPieces) {
  const auto all = make_mpi_communicator();
  const int64_t elements = (int64_t{1} << 20) + 5;
  const auto expected = sum_of_patterns(all->size(), elements, at::kBFloat16);
  const auto tensor = pattern(all->rank(), elements, at::kBFloat16);
  all->all_reduce(tensor).wait();
  EXPECT_TRUE(at::equal(tensor, expected));
  if (all->rank() != 0) tensor.zero_();
  all->broadcast(tensor, 0).wait();
  EXPECT_TRUE(at::equal(tensor, expected));
}

TEST(MpiCommunicator, Bfloat16IsSummedInFloat32) {
  const auto all = make_mpi_communicator();
  // 256 + 1 is not a bfloat16, so bfloat16 additions one by one would lose every 1.
  const auto tensor = at::full({5}, all->rank() == 0 ? 256.0 : 1.0, at::kBFloat16);
  all->all_reduce(tensor).wait();
  const double exact_sum = 256.0 + static_cast<double>(all->size() - 1);
  EXPECT_TRUE(at::equal(tensor, at::full({5}, exact_sum, at::kFloat).to(at::kBFloat16)));
}

TEST(MpiCommunicator, CallsRunInTheOrderTheyWereMade) {
  const auto all = make_mpi_communicator();
  const auto tensor = at::ones({3}, at::kLong);
  std::vector<Ticket> tickets;
  int64_t expected = 1;
  for (int call = 0; call < 20; ++call) {
    tickets.push_back(all->all_reduce(tensor));
    expected *= all->size();
  }
  tickets.back().wait();  // the last one done means that all are
  EXPECT_EQ(tensor[0].item<int64_t>(), expected);
  for (const auto& ticket : tickets) ticket.wait();
  tickets.front().wait();  // twice is allowed
}

TEST(MpiCommunicator, TwoCommunicatorsNeverWaitForEachOther) {
  const auto first = make_mpi_communicator();
  const auto second = make_mpi_communicator();
  const auto a = at::ones({1001}, at::kFloat), b = at::full({1001}, 2.0, at::kFloat);
  // Half of the ranks call in the other order: with one queue for both this would never end.
  const bool is_swapped = first->rank() % 2 == 1;
  const Ticket early = is_swapped ? second->all_reduce(b) : first->all_reduce(a);
  const Ticket late = is_swapped ? first->all_reduce(a) : second->all_reduce(b);
  early.wait();
  late.wait();
  EXPECT_EQ(a[1000].item<float>(), static_cast<float>(first->size()));
  EXPECT_EQ(b[1000].item<float>(), static_cast<float>(2 * first->size()));
}

TEST(MpiCommunicator, WrongTensorsAreNamedBeforeAnythingIsSent) {
  const auto all = make_mpi_communicator();
  const auto message_of = [&](const auto& call) -> std::string {
    try {
      call();
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "no error";
  };
  const auto rank_name = "rank " + std::to_string(all->rank()) + " on ";
  const auto halves = message_of([&] { all->all_reduce(at::zeros({4}, at::kHalf)); });
  EXPECT_NE(halves.find(rank_name), std::string::npos) << halves;
  EXPECT_NE(halves.find("'inout' is Half"), std::string::npos) << halves;
  const auto short_out =
      message_of([&] { all->all_gather(at::zeros({4}), at::zeros({all->size() * 4 + 1})); });
  EXPECT_NE(short_out.find("'out' has"), std::string::npos) << short_out;
  const auto strided = message_of([&] { all->all_reduce(at::zeros({4, 4}).t()); });
  EXPECT_NE(strided.find("contiguous"), std::string::npos) << strided;
  const auto root = message_of([&] { all->broadcast(at::zeros({4}), all->size()); });
  EXPECT_NE(root.find("is not one of"), std::string::npos) << root;
}

TEST(MpiCommunicator, FailedCollectiveSaysWhoWhatAndWhatCameBefore) {
  const auto all = make_mpi_communicator();
  if (all->size() != 2) return;  // alone nothing fails, and of many some would wait for the failed
  const auto warm_up = at::ones({3}, at::kFloat);
  all->all_reduce(warm_up).wait();
  // Rank 0 sends more than the others expect: they see a truncated message.
  const auto tensor = at::zeros({all->rank() == 0 ? 64 : 8}, at::kByte);
  const Ticket ticket = all->broadcast(tensor, 0);
  if (all->rank() == 0) return ticket.wait();
  std::string message;
  try {
    ticket.wait();
  } catch (const std::runtime_error& error) {
    message = error.what();
  }
  EXPECT_NE(message.find("rank " + std::to_string(all->rank()) + " on "), std::string::npos);
  EXPECT_NE(message.find("broadcast #1 of 8 bytes failed: MPI_Bcast: "), std::string::npos);
  EXPECT_NE(message.find("#0 all_reduce 12 bytes float32 done"), std::string::npos);
  EXPECT_NE(message.find("#1 broadcast 8 bytes uint8 failed"), std::string::npos) << message;
}

}  // namespace
}  // namespace nextframe
