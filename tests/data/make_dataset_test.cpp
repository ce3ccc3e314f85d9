#include "data/make_dataset.h"

#include "data/dataset.h"
#include "data/episode_columns.h"
#include "data/shard_index.h"
#include "tests/data/scratch.h"

namespace nextframe {
namespace {

MakeOptions small_world(const ScratchFolder& folder) {
  MakeOptions options;
  options.world = "ball_and_paddle";
  options.out = folder / "d";
  options.episodes = 7;
  options.validation_episodes = 2;
  options.frames = 12;
  options.shards = 3;
  return options;
}

TEST(MakeDataset, MakesTrainingAndValidationShardsWithAnIndex) {
  const ScratchFolder folder;
  int64_t last_done = 0;
  EXPECT_TRUE(make_dataset(small_world(folder), [&](int64_t done, int64_t total) {
    EXPECT_EQ(total, 9);
    last_done = done;
  }));
  EXPECT_EQ(last_done, 9);
  const Dataset train(folder / "d/train/*.h5", 4, 1),
      validation(folder / "d/validation/*.h5", 4, 1);
  EXPECT_EQ(train.num_episodes(), 7);
  EXPECT_EQ(validation.num_episodes(), 2);
  EXPECT_EQ(train.shape().action_width, 3);
  EXPECT_EQ(train.shape().height_px, 64);
  EXPECT_NE(train.fingerprint(), validation.fingerprint());
  const auto index = read_index(folder / "d");
  ASSERT_TRUE(index.has_value());
  EXPECT_EQ(index->shards.size(), 4U);
  EXPECT_EQ(index->shards[0].episode_frames, (std::vector<int64_t>{12, 12}));
}

TEST(MakeDataset, TheNumberOfShardsDoesNotChangeTheEpisodes) {
  const ScratchFolder folder;
  auto options = small_world(folder);
  make_dataset(options, nullptr);
  options.out = folder / "one";
  options.shards = 1;
  make_dataset(options, nullptr);
  const Dataset three(folder / "d/train/*.h5", 4, 1), one(folder / "one/train/*.h5", 4, 1);
  for (int64_t e = 0; e < 7; ++e) {
    EXPECT_TRUE(at::equal(three.read_episode(e, 0, 12).frames_THWC,
                          one.read_episode(e, 0, 12).frames_THWC));
  }
}

TEST(MakeDataset, TheSameCommandAgainFindsItFinished) {
  const ScratchFolder folder;
  make_dataset(small_world(folder), nullptr);
  const auto before = std::filesystem::last_write_time(folder / "d/train/shard-00001.h5");
  EXPECT_FALSE(make_dataset(small_world(folder), nullptr));
  EXPECT_EQ(std::filesystem::last_write_time(folder / "d/train/shard-00001.h5"), before);
}

TEST(MakeDataset, AnInterruptedRunGoesOnWithTheMissingShards) {
  const ScratchFolder folder;
  make_dataset(small_world(folder), nullptr);
  const std::string fingerprint = Dataset(folder / "d/train/*.h5", 4, 1).fingerprint();
  std::filesystem::remove(folder / "d/index.json");
  std::filesystem::remove(folder / "d/train/shard-00002.h5");
  const auto before = std::filesystem::last_write_time(folder / "d/train/shard-00001.h5");
  EXPECT_TRUE(make_dataset(small_world(folder), nullptr));
  EXPECT_EQ(std::filesystem::last_write_time(folder / "d/train/shard-00001.h5"), before);
  EXPECT_EQ(Dataset(folder / "d/train/*.h5", 4, 1).fingerprint(), fingerprint);
}

TEST(MakeDataset, NothingIsOverwritten) {
  const ScratchFolder folder;
  auto options = small_world(folder);
  make_dataset(options, nullptr);
  options.seed = 1;
  const auto error = data_error_of([&] { make_dataset(options, nullptr); });
  EXPECT_TRUE(contains(error, "--seed 0") && contains(error, "another --out")) << error;
  options.out = folder / "foreign";
  std::filesystem::create_directory(options.out);
  write_shard(options.out / "mine.h5", {numbered_episode(8)});
  EXPECT_TRUE(contains(data_error_of([&] { make_dataset(options, nullptr); }), "mine.h5"));
}

TEST(MakeDataset, AShardSaysItsWorldKeyAndRange) {
  const ScratchFolder folder;
  auto options = small_world(folder);
  options.world = "parabola";
  options.range = WorldRange::combination;
  options.has_masks = true;
  options.seed = 9;
  make_dataset(options, nullptr);
  const Dataset train(folder / "d/train/*.h5", 4, 1);
  const auto origin = origin_of(train, 5);
  ASSERT_TRUE(origin.has_value());
  EXPECT_EQ(to_json(*origin), R"({"name":"parabola","range":"combination","seed":9,"split":0,)"
                              R"("first_episode":5,"objects":["ball"]})");
  const auto again =
      WorldRegistry::instance()
          .get("parabola", "world")
          .replay(
              {.key = origin->first, .num_frames = 12, .range = origin->range, .has_masks = true});
  EXPECT_TRUE(at::equal(again.frames_THWC, train.read_episode(5, 0, 12).frames_THWC));
  for (const auto& column : again.columns) {
    EXPECT_TRUE(at::equal(column.values.to(at::kFloat), read_column(train, 5, column.name, 0, 12)))
        << column.name;
  }
  EXPECT_TRUE(contains(make_command(options), "--range combination --masks"));
  EXPECT_FALSE(contains(make_command(small_world(folder)), "range"));
}

TEST(MakeDataset, AWorldWithoutParametersHasNoOtherRange) {
  const ScratchFolder folder;
  auto options = small_world(folder);
  options.range = WorldRange::outside;
  EXPECT_THROW(make_dataset(options, nullptr), std::invalid_argument);
  options.range = WorldRange::inside;
  options.has_masks = true;
  EXPECT_THROW(make_dataset(options, nullptr), std::invalid_argument);
}

TEST(MakeDataset, BadOptionsAreUsageNotData) {
  const ScratchFolder folder;
  auto options = small_world(folder);
  options.world = "ball_and_padle";
  EXPECT_THROW(make_dataset(options, nullptr), std::invalid_argument);
  options = small_world(folder);
  options.shards = 8;
  EXPECT_THROW(make_dataset(options, nullptr), std::invalid_argument);
  options = small_world(folder);
  options.filter = "lzma";
  EXPECT_THROW(make_dataset(options, nullptr), std::invalid_argument);
  EXPECT_FALSE(std::filesystem::exists(folder / "d"));
}

}  // namespace
}  // namespace nextframe
