// Several buttons at once (ActionSpace::Kind::multi_binary), from a shard to a batch.
#include "data/column.h"
#include "data/dataset.h"
#include "data/inspect_shard.h"
#include "data/shard_reader.h"
#include "tests/data/scratch.h"

namespace nextframe {
namespace {

using Kind = ActionSpace::Kind;

ShardInfo three_buttons() {
  ShardInfo info;
  info.action_space = {Kind::multi_binary, 3, {"w", "a", "jump"}};
  return info;
}

/// Six frames with the buttons none, w, a, w+a, jump, w+jump: the bits of 0 to 5.
RecordedEpisode pressed() {
  auto episode = numbered_episode(6);
  const auto number = at::arange(6).unsqueeze(1);
  episode.actions = at::bitwise_and(number.div(at::tensor({1, 2, 4}), "floor"), 1).to(at::kByte);
  return episode;
}

/// A foreign file of one episode whose column and action_space are given; "" declares none.
std::filesystem::path foreign_buttons(const ScratchFolder& folder, const at::Tensor& rows,
                                      const std::string& space) {
  static int number = 0;
  const auto path = folder / c10::str("foreign-", number++, ".h5");
  const H5File file = create_h5(path);
  write_column(file, "pixels", at::zeros({rows.size(0), 4, 4, 3}, at::kByte));
  write_column(file, "action", rows);
  write_column(file, "ep_len", at::tensor({rows.size(0)}, at::kInt));
  write_column(file, "ep_offset", at::tensor({0}, at::kLong));
  if (!space.empty()) write_attribute(file, "action_space", space);
  return path;
}

TEST(Buttons, ComeBackFromAShardAsZerosAndOnes) {
  const ScratchFolder folder;
  const auto episode = pressed();
  write_shard(folder / "a.h5", {episode}, Compression::none, three_buttons());
  const ShardReader shard(folder / "a.h5");
  EXPECT_EQ(shard.action_space().kind, Kind::multi_binary);
  EXPECT_EQ(shard.action_space().names, (std::vector<std::string>{"w", "a", "jump"}));
  DataConfig config;
  config.train = (folder / "a.h5").string();
  config.clip_frames = 6;
  const Dataset data = open_training_set(config);
  EXPECT_TRUE(data.action_scale().is_empty()) << "buttons are never standardised";
  auto batch = make_batch(data.shape(), 1);
  data.read_clip(0, batch, 0);
  EXPECT_TRUE(at::equal(batch.actions_BTA[0], episode.actions.to(at::kFloat)));
}

TEST(Buttons, TheirSpaceIsReadAsItIsWritten) {
  const ActionSpace space{Kind::multi_binary, 2, {"left", "right"}};
  EXPECT_EQ(to_json(space), R"({"type":"multi_binary","n":2,"names":["left","right"]})");
  const auto read = action_space_from_json(to_json(space));
  EXPECT_EQ(read.kind, space.kind);
  EXPECT_EQ(read.width, space.width);
  EXPECT_EQ(read.names, space.names);
  EXPECT_TRUE(contains(
      data_error_of([] { action_space_from_json(R"({"type":"multi_binary","n":0})"); }), "not 1"));
}

TEST(Buttons, MayBeOfAnyTypeWhereTheyAreDeclared) {
  const ScratchFolder folder;
  const auto rows = pressed().actions;
  const std::string space = R"({"type":"multi_binary","n":3})";
  for (const auto type : {at::kByte, at::kLong, at::kFloat}) {
    const ShardReader shard(foreign_buttons(folder, rows.to(type), space));
    EXPECT_EQ(shard.action_space().kind, Kind::multi_binary);
    EXPECT_TRUE(at::equal(shard.actions(), rows.to(at::kFloat)));
  }
  const ShardReader one(foreign_buttons(folder, rows.slice(1, 0, 1).to(at::kLong),
                                        R"({"type":"multi_binary","n":1})"));
  EXPECT_EQ(one.actions().sizes(), (std::vector<int64_t>{6, 1}));
  const ShardReader undeclared(foreign_buttons(folder, rows.to(at::kFloat), ""));
  EXPECT_EQ(undeclared.action_space().kind, Kind::continuous);
}

TEST(Buttons, OtherValuesAreRefusedByRowAndButton) {
  const ScratchFolder folder;
  const std::string space = R"({"type":"multi_binary","n":3})";
  auto rows = pressed().actions.to(at::kFloat);
  rows[2][1] = 0.5;
  const auto half = data_error_of([&] { ShardReader(foreign_buttons(folder, rows, space)); });
  EXPECT_TRUE(contains(half, "holds 0.5 at frame 2, button 1")) << half;
  rows[2][1] = -1;
  EXPECT_TRUE(contains(data_error_of([&] { ShardReader(foreign_buttons(folder, rows, space)); }),
                       "frame 2"));
  rows[2][1] = 1;
  rows[5].fill_(-1);  // after the episode's end no button is held
  EXPECT_EQ(ShardReader(foreign_buttons(folder, rows, space)).actions()[5].sum().item<float>(), 0);
  EXPECT_TRUE(contains(data_error_of([&] {
                         ShardReader(
                             foreign_buttons(folder, rows, R"({"type":"multi_binary","n":4})"));
                       }),
                       "action_space says"));
}

TEST(Buttons, InspectTellsHowOftenEachIsHeld) {
  const ScratchFolder folder;
  write_shard(folder / "a.h5", {pressed()}, Compression::none, three_buttons());
  const auto shard = inspect_shard(folder / "a.h5");
  EXPECT_EQ(shard.actions, "multi_binary 3");
  EXPECT_EQ(shard.action_presses, (std::vector<int64_t>{3, 2, 2}));
  EXPECT_TRUE(shard.action_low.empty() && shard.action_counts.empty());
}

TEST(Buttons, DoNotMixWithNumbersInOneSet) {
  const ScratchFolder folder;
  write_shard(folder / "a.h5", {pressed()}, Compression::none, three_buttons());
  auto numbers = pressed();
  numbers.actions = numbers.actions.to(at::kFloat);
  ShardInfo info;
  info.action_space = {Kind::continuous, 3, {}};
  write_shard(folder / "b.h5", {numbers}, Compression::none, info);
  const auto error = data_error_of([&] { Dataset((folder / "*.h5").string(), 4, 1); });
  EXPECT_TRUE(contains(error, "3 numbers an action") && contains(error, "3 buttons")) << error;
}

}  // namespace
}  // namespace nextframe
