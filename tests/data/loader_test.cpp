#include "data/loader.h"

#include <set>
#include <thread>

#include "tests/data/scratch.h"

namespace nextframe {
namespace {

LoaderOptions small_options(int64_t threads) {
  LoaderOptions options;
  options.global_batch = 12;
  options.grains = 4;
  options.last_grain = 4;
  options.threads = threads;
  options.prefetch_grains = 3;
  return options;
}

class LoaderTest : public ::testing::Test {
 protected:
  LoaderTest() {
    write_shard(folder / "a.h5", {numbered_episode(40, 64), numbered_episode(50, 64)});
  }

  Sampler sampler(const Dataset& dataset) const { return {dataset.num_clips(), 11}; }

  ScratchFolder folder;
};

std::string bytes_of(const Batch& batch) {
  const auto* frames = static_cast<const char*>(batch.frames_BTHWC.const_data_ptr());
  const auto* actions = static_cast<const char*>(batch.actions_BTA.const_data_ptr());
  const auto* ids = static_cast<const char*>(batch.sample_ids_B.const_data_ptr());
  return std::string(frames, batch.frames_BTHWC.nbytes()) +
         std::string(actions, batch.actions_BTA.nbytes()) +
         std::string(ids, batch.sample_ids_B.nbytes());
}

std::vector<std::string> first_grains(const Dataset& dataset, const Sampler& sampler,
                                      const LoaderOptions& options, int count) {
  Loader loader(dataset, sampler, options);
  std::vector<std::string> grains;
  for (int i = 0; i < count; ++i) grains.push_back(bytes_of(loader.next()));
  return grains;
}

TEST_F(LoaderTest, AnyNumberOfThreadsGivesTheSameBytes) {
  const Dataset dataset(folder / "*.h5", 6, 1);
  const auto plain = first_grains(dataset, sampler(dataset), small_options(0), 30);
  EXPECT_EQ(std::set<std::string>(plain.begin(), plain.end()).size(), 30U);
  for (const int64_t threads : {1, 2, 5}) {
    EXPECT_TRUE(first_grains(dataset, sampler(dataset), small_options(threads), 30) == plain)
        << threads;
  }
}

TEST_F(LoaderTest, RanksTogetherReadTheStepsOfOneRank) {
  const Dataset dataset(folder / "*.h5", 6, 1);
  const auto alone = first_grains(dataset, sampler(dataset), small_options(1), 12);
  auto low = small_options(1), high = small_options(2);
  low.last_grain = high.first_grain = 1;  // one grain and three
  const auto first = first_grains(dataset, sampler(dataset), low, 3);
  const auto second = first_grains(dataset, sampler(dataset), high, 9);
  for (size_t step = 0; step < 3; ++step) {
    EXPECT_TRUE(first[step] == alone[4 * step]);
    for (size_t g = 0; g < 3; ++g) EXPECT_TRUE(second[3 * step + g] == alone[4 * step + 1 + g]);
  }
}

TEST_F(LoaderTest, GrainsMayBeDealt) {
  const Dataset dataset(folder / "*.h5", 6, 1);
  const auto alone = first_grains(dataset, sampler(dataset), small_options(1), 12);
  for (const int64_t rank : {0, 1, 2}) {
    auto options = small_options(1);  // four grains
    options.first_grain = rank;
    options.grain_stride = 3;
    const size_t owned = rank == 0 ? 2 : 1;
    const auto dealt =
        first_grains(dataset, sampler(dataset), options, static_cast<int>(3 * owned));
    for (size_t step = 0; step < 3; ++step) {
      for (size_t i = 0; i < owned; ++i) {
        const size_t grain = static_cast<size_t>(rank) + 3 * i;
        EXPECT_TRUE(dealt[owned * step + i] == alone[4 * step + grain]);
      }
    }
  }
}

TEST_F(LoaderTest, StartsInTheMiddleAsIfItHadReadFromTheStart) {
  const Dataset dataset(folder / "*.h5", 6, 1);
  const auto all = first_grains(dataset, sampler(dataset), small_options(1), 16);
  auto options = small_options(1);
  options.first_step = 2;
  const auto rest = first_grains(dataset, sampler(dataset), options, 8);
  for (size_t i = 0; i < rest.size(); ++i) EXPECT_TRUE(rest[i] == all[8 + i]);
}

TEST_F(LoaderTest, SampleIdsNameTheClips) {
  const Dataset dataset(folder / "*.h5", 6, 1);
  Loader loader(dataset, sampler(dataset), small_options(1));
  const Batch batch = loader.next();
  Batch again = make_batch(dataset.shape(), 3);
  for (int64_t row = 0; row < 3; ++row) {
    EXPECT_EQ(batch.sample_ids_B[row].item<int64_t>(), sampler(dataset).clip_at(row));
    dataset.read_clip(batch.sample_ids_B[row].item<int64_t>(), again, row);
  }
  EXPECT_TRUE(bytes_of(batch) == bytes_of(again));
}

TEST_F(LoaderTest, HeldBatchesAreNeverWrittenToAndReleasedOnesAreUsedAgain) {
  const Dataset dataset(folder / "*.h5", 6, 1);
  Loader loader(dataset, sampler(dataset), small_options(1));
  const Batch held = loader.next();
  const at::Tensor view = loader.next().frames_BTHWC[1];  // a view keeps its storage
  const std::string before = bytes_of(held);
  const at::Tensor view_before = view.clone();
  std::set<const void*> addresses;
  for (int i = 0; i < 40; ++i) addresses.insert(loader.next().frames_BTHWC.const_data_ptr());
  EXPECT_TRUE(bytes_of(held) == before);
  EXPECT_TRUE(at::equal(view, view_before));
  EXPECT_LT(addresses.size(), 12U);
  EXPECT_EQ(addresses.count(held.frames_BTHWC.const_data_ptr()), 0U);
}

TEST_F(LoaderTest, DamagedClipsEndTheStreamWithTheirPlace) {
  flip_bit(folder / "a.h5", 3 * 98304 + 50000);
  const Dataset dataset(folder / "*.h5", 6, 1);
  for (const int64_t threads : {0, 2}) {
    Loader loader(dataset, sampler(dataset), small_options(threads));
    std::string error;
    for (int i = 0; i < 40 && error.empty(); ++i) error = data_error_of([&] { loader.next(); });
    EXPECT_TRUE(contains(error, "chunk 3")) << error;
    EXPECT_EQ(data_error_of([&] { loader.next(); }), error);
  }
}

TEST_F(LoaderTest, SkippedClipsAreReplacedAlikeOnAnyThreads) {
  flip_bit(folder / "a.h5", 3 * 98304 + 50000);
  const Dataset dataset(folder / "*.h5", 6, 1);
  std::vector<std::string> plain;
  for (const int64_t threads : {0, 1, 3}) {
    auto options = small_options(threads);
    options.on_corrupt = "skip";
    std::vector<std::string> warnings;
    options.warn = [&](const std::string& text) { warnings.push_back(text); };
    const auto grains = first_grains(dataset, sampler(dataset), options, 40);
    ASSERT_FALSE(warnings.empty());
    EXPECT_TRUE(contains(warnings.front(), "chunk 3")) << warnings.front();
    if (plain.empty()) plain = grains;
    EXPECT_TRUE(grains == plain) << threads;
  }
}

std::vector<int64_t> first_ids(const Dataset& dataset, const Sampler& sampler,
                               const LoaderOptions& options, int grains) {
  Loader loader(dataset, sampler, options);
  std::vector<int64_t> ids;
  for (int i = 0; i < grains; ++i) {
    const Batch batch = loader.next();
    const auto* first = batch.sample_ids_B.const_data_ptr<int64_t>();
    ids.insert(ids.end(), first, first + batch.sample_ids_B.numel());
  }
  return ids;
}

TEST_F(LoaderTest, SetAsideClipsAreReplacedFromTheirSlotOn) {
  const Dataset dataset(folder / "*.h5", 6, 1);  // 80 clips: 96 slots are an epoch and more
  const auto order = sampler(dataset);
  const int64_t early = order.clip_at(20), late = order.clip_at(30);
  auto expected = first_ids(dataset, order, small_options(1), 32);
  for (int64_t slot = 0; slot < 96; ++slot) {
    const auto is_left_out = [&](int64_t clip) {
      return clip == early || (clip == late && slot >= 31);
    };
    int64_t ahead = 0;
    while (is_left_out(order.clip_at(slot + ahead * 80))) ++ahead;
    EXPECT_TRUE(ahead > 0 || slot != 20) << slot;
    expected[static_cast<size_t>(slot)] = order.clip_at(slot + ahead * 80);
  }
  EXPECT_EQ(expected[30], late) << "before its slot a clip is read as ever";
  for (const int64_t threads : {0, 1, 3}) {
    auto options = small_options(threads);
    options.set_aside = {{early, 0}, {late, 31}, {late, 40}};
    EXPECT_EQ(first_ids(dataset, order, options, 32), expected) << threads;
  }
}

TEST_F(LoaderTest, RanksReplaceSetAsideClipsAlike) {
  const Dataset dataset(folder / "*.h5", 6, 1);
  const auto order = sampler(dataset);
  auto alone = small_options(1), second = small_options(1);
  alone.set_aside = second.set_aside = {{order.clip_at(10), 0}};  // of the first step's last grain
  second.first_grain = 2;
  const auto ids = first_ids(dataset, order, alone, 4), own = first_ids(dataset, order, second, 2);
  EXPECT_EQ(own, std::vector<int64_t>(ids.begin() + 6, ids.end()));
  EXPECT_NE(ids[10], order.clip_at(10));
}

TEST_F(LoaderTest, TooManySetAsideClipsAreAnError) {
  const Dataset dataset(folder / "*.h5", 6, 1);
  auto options = small_options(1);
  for (int64_t clip = 0; clip < dataset.num_clips(); ++clip) options.set_aside.push_back({clip, 0});
  Loader loader(dataset, sampler(dataset), options);
  const auto error = data_error_of([&] { loader.next(); });
  EXPECT_TRUE(contains(error, "80 of 80 clips are set aside")) << error;
}

TEST_F(LoaderTest, WhoeverDoesNotWantToWaitAnyLongerGetsBlankClips) {
  const Dataset dataset(folder / "*.h5", 6, 1);
  bool is_impatient = false;
  auto options = small_options(0);
  options.should_stop = [&] { return is_impatient; };
  Loader loader(dataset, sampler(dataset), options);
  EXPECT_TRUE(loader.next().frames_BTHWC.any().item<bool>());
  EXPECT_FALSE(loader.has_stopped());
  is_impatient = true;
  EXPECT_FALSE(loader.next().frames_BTHWC.any().item<bool>());
  EXPECT_TRUE(loader.has_stopped());
  is_impatient = false;
  EXPECT_FALSE(loader.next().frames_BTHWC.any().item<bool>()) << "given up is given up";
}

TEST_F(LoaderTest, AGrainThatIsThereIsTakenWithoutAQuestion) {
  const Dataset dataset(folder / "*.h5", 6, 1);
  auto options = small_options(1);
  options.should_stop = [] { return true; };
  Loader loader(dataset, sampler(dataset), options);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_TRUE(loader.next().frames_BTHWC.any().item<bool>());
  EXPECT_FALSE(loader.has_stopped());
}

TEST_F(LoaderTest, StopsPromptlyWithGrainsUnread) {
  const Dataset dataset(folder / "*.h5", 6, 1);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i) {
    Loader loader(dataset, sampler(dataset), small_options(3));
    if (i % 2 == 0) loader.next();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST_F(LoaderTest, MeasuresTheTimeSpentWaiting) {
  const Dataset dataset(folder / "*.h5", 6, 1);
  Loader loader(dataset, sampler(dataset), small_options(0));
  loader.next();
  EXPECT_GT(loader.take_wait_s(), 0);
  EXPECT_EQ(loader.take_wait_s(), 0);
}

TEST_F(LoaderTest, RefusesGrainsThatDoNotDivideTheBatch) {
  const Dataset dataset(folder / "*.h5", 6, 1);
  auto options = small_options(0);
  options.grains = 5;
  EXPECT_THROW(Loader(dataset, sampler(dataset), options), c10::Error);
}

}  // namespace
}  // namespace nextframe
