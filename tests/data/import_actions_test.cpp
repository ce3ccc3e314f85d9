#include "data/column.h"
#include "data/h5.h"
#include "data/shard_reader.h"
#include "tests/data/recordings.h"

namespace nextframe {
namespace {

using Choices = std::vector<int64_t>;

/// The choices stored from an actions.csv of that text, beside six frames.
Choices choices_from(const std::string& table, const ReadOptions& read = {}) {
  const ScratchFolder folder;
  write_recording(folder / "rec", 6, table);
  import_recording(folder, read);
  return stored_choices(folder);
}

std::string told_of(const std::string& table) {
  const ScratchFolder folder;
  write_recording(folder / "rec", 6, table);
  return describe(import_recording(folder));
}

TEST(ImportActions, ActionsThatLedToTheirFramesAreShifted) {
  const ReadOptions before{.alignment = ActionAlignment::before};
  EXPECT_EQ(choices_from("0\n1\n2\n0\n1\n2\n"), (Choices{0, 1, 2, 0, 1, 2}));
  EXPECT_EQ(choices_from("0\n1\n2\n0\n1\n2\n", before), (Choices{1, 2, 0, 1, 2, 0}));
  EXPECT_EQ(choices_from("1\n2\n0\n1\n2\n"), (Choices{1, 2, 0, 1, 2, 0}));
  // The first frame has none, so the first row led to the second frame.
  EXPECT_EQ(choices_from("1\n2\n0\n1\n2\n", before), (Choices{1, 2, 0, 1, 2, 0}));
}

TEST(ImportActions, ColumnsThatCountTheRowsAreNoActions) {
  const std::string counted = "0,2\n1,1\n2,0\n3,0\n4,1\n5,2\n";
  for (const std::string heading : {",action\n", "Unnamed: 0,action\n", "frame,action\n",
                                    "\"index\",\"action\"\n", "\xef\xbb\xbfstep,action\n"}) {
    EXPECT_EQ(choices_from(heading + counted), (Choices{2, 1, 0, 0, 1, 2})) << heading;
    EXPECT_TRUE(contains(told_of(heading + counted), "counts the rows")) << heading;
  }
  EXPECT_TRUE(contains(told_of(counted), "2 numbers") &&
              contains(told_of(counted), "name it 'index'"));
  EXPECT_TRUE(contains(told_of("x,y\n" + counted), "2 numbers, from actions.csv: x, y"));
  EXPECT_TRUE(contains(data_error_of([] { told_of("frame\n0\n1\n2\n3\n4\n5\n"); }),
                       "no column of actions"));
}

TEST(ImportActions, WholeNumbersWrittenWithAPointStayChoices) {
  EXPECT_EQ(choices_from("action\n0.0\n1.0\n2.0\n0.0\n1.0\n2.\n"), (Choices{0, 1, 2, 0, 1, 2}));
  EXPECT_TRUE(contains(told_of("0.0\n1.0\n2.5\n0.0\n1.0\n2.0\n"), "1 number"));
  EXPECT_TRUE(contains(told_of("0\n-1\n1\n0\n1\n0\n"), "1 number"));
}

TEST(ImportActions, OtherSeparatorsAreUnderstood) {
  for (const std::string separator : {";", "\t", " ", ", "}) {
    std::string table;
    for (int t = 0; t < 6; ++t) table += "0.5" + separator + "0.25\n";
    EXPECT_TRUE(contains(told_of(table), "2 numbers")) << separator;
  }
}

TEST(ImportActions, OtherSpellingsOfTheFileAreReadOrTold) {
  for (const std::string name : {"action.csv", "Actions.csv"}) {
    const ScratchFolder folder;
    write_recording(folder / "rec", 6);
    std::ofstream(folder / "rec/e0" / name) << "0\n1\n2\n0\n1\n2\n";
    EXPECT_TRUE(contains(describe(import_recording(folder)), "from " + name));
    EXPECT_EQ(stored_choices(folder), (Choices{0, 1, 2, 0, 1, 2}));
  }
  const ScratchFolder folder;
  write_recording(folder / "rec", 6);
  std::ofstream(folder / "rec/e0/labels.csv") << "0\n";
  const auto told = describe(import_recording(folder));
  EXPECT_TRUE(contains(told, "ignored: e0/labels.csv") &&
              contains(told, "read from an actions.csv beside"))
      << told;
}

using Names = std::vector<std::string>;

/// The plan of an import of episodes e0, e1 ... of six frames with these tables.
ImportPlan plan_of(const ScratchFolder& folder, const std::vector<std::string>& tables) {
  for (size_t e = 0; e < tables.size(); ++e) {
    write_recording(folder / "one", 6, tables[e]);
    std::filesystem::create_directories(folder / "rec");
    std::filesystem::rename(folder / "one/e0", folder / "rec" / c10::str("e", e));
  }
  return import_recording(folder);
}

TEST(ImportActions, WordsAreChoicesWithTheirNames) {
  const std::string words = "left\nright\nnoop\nleft\nleft\nnoop\n";
  std::string counted, untitled;
  int t = 0;
  for (const std::string word : {"left", "right", "noop", "left", "left", "noop"}) {
    counted += c10::str(t, ",", word, "\n");
    untitled += c10::str("\"", word, "\" ; ", t++, "\n");
  }
  for (const auto& table : {"action\n" + words, words, "Action\r\n" + words,
                            "frame,action\n" + counted, counted, untitled}) {
    const ScratchFolder folder;
    const auto plan = plan_of(folder, {table});
    const auto& space = plan.facts.action_space;
    EXPECT_EQ(space.kind, ActionSpace::Kind::discrete) << table;
    EXPECT_EQ(space.names, (Names{"left", "noop", "right"})) << table;
    EXPECT_EQ(stored_choices(folder), (Choices{0, 2, 1, 0, 0, 1})) << table;
    EXPECT_TRUE(contains(describe(plan), "a choice of 3 (left, noop, right)")) << describe(plan);
  }
}

TEST(ImportActions, AllFilesOfAnImportShareOneVocabulary) {
  const ScratchFolder folder;
  const auto plan = plan_of(
      folder, {"action\nup\nup\nup\nup\nup\nup\n", "action\nup\nfire\ngo on\nfire\nup\ngo on\n"});
  EXPECT_EQ(plan.facts.action_space.names, (Names{"fire", "go on", "up"}));
  const Dataset data(folder / "d/train/*.h5", 2, 1);
  const auto choices = [&](int64_t episode) { return data.read_actions(episode, 0, 6).argmax(1); };
  EXPECT_TRUE(at::equal(choices(0), at::full({6}, 2, at::kLong)));
  EXPECT_TRUE(at::equal(choices(1), at::tensor({2, 0, 1, 0, 2, 1}, at::kLong)));
}

TEST(ImportActions, WhatMayBeAHeadingOrAWordIsRefused) {
  const auto error = data_error_of([] { told_of("go\nleft\nright\nleft\nleft\nright\n"); });
  EXPECT_TRUE(contains(error, "'go' occurs once only") && contains(error, "write 'action' above"))
      << error;
  for (const auto& [table, why] :
       {std::pair{"a,b\nleft,jump\nleft,jump\nleft,jump\nleft,jump\nleft,jump\nleft,jump\n",
                  "2 columns of actions with words"},
        {"action\nleft\nleft\n3\nleft\nleft\nleft\n", ":4: '3' is not a row"},
        {"action\n0\n1\nleft\n0\n0\n0\n", ":4: 'left' is not a row of numbers"},
        {"action\nleft\nnan\nleft\nleft\nleft\nleft\n", ":3: 'nan' is not a row"}}) {
    const auto said = data_error_of([&, text = table] { told_of(text); });
    EXPECT_TRUE(contains(said, why)) << table << said;
  }
  const ScratchFolder folder;
  const auto mixed = data_error_of([&] {
    plan_of(folder, {"0\n1\n2\n0\n1\n2\n", "action\nup\nup\nup\nup\nup\nup\n"});
  });
  EXPECT_TRUE(contains(mixed, "e1/actions.csv: holds words") && contains(mixed, "e0")) << mixed;
}

TEST(ImportActions, SeveralColumnsOfZerosAndOnesAreButtons) {
  for (const std::string table :
       {"w,a\n0,1\n1,1\n0,0\n1,0\n0,0\n0,0\n",
        "w,a\nFalse,True\nTrue,True\nFalse,False\nTrue,False\nFalse,False\nFalse,False\n"}) {
    const ScratchFolder folder;
    const auto plan = plan_of(folder, {table});
    EXPECT_TRUE(contains(describe(plan), "2 buttons, from actions.csv: w, a")) << describe(plan);
    const auto stored = stored_episode(folder).actions_TA;
    EXPECT_TRUE(at::equal(stored.slice(0, 0, 4).flatten(),
                          at::tensor({0.0F, 1.0F, 1.0F, 1.0F, 0.0F, 0.0F, 1.0F, 0.0F})));
    const ShardReader shard(folder / "d/train/shard-00000.h5");
    EXPECT_EQ(shard.action_space().kind, ActionSpace::Kind::multi_binary);
  }
  EXPECT_TRUE(contains(told_of("w,a\n0,1.0\n1,1\n0,0\n1,0\n0,0\n0,0\n"), "2 numbers"));
  EXPECT_TRUE(contains(told_of("w,a\n0,1\n1,2\n0,0\n1,0\n0,0\n0,0\n"), "2 numbers"));
  const ScratchFolder folder;
  const auto plan =
      plan_of(folder, {"0,1\n1,1\n0,0\n1,0\n0,0\n0,0\n", "0,0.5\n1,1\n0,0\n1,0\n0,0\n0,0\n"});
  EXPECT_EQ(plan.facts.action_space.kind, ActionSpace::Kind::continuous) << "one is no button";
}

/// A foreign file of two episodes with the actions 0 1 2 3 and 4 5.
ShardReader foreign_shard(const ScratchFolder& folder, const std::string& alignment) {
  {
    const H5File file = create_h5(folder / "a.h5");
    write_column(file, "pixels", at::zeros({6, 4, 4, 3}, at::kByte));
    write_column(file, "action", at::arange(6));
    write_column(file, "ep_len", at::tensor({4, 2}, at::kInt));
    write_column(file, "ep_offset", at::tensor({0, 4}, at::kLong));
    write_attribute(file, "action_alignment", alignment);
  }
  return ShardReader(folder / "a.h5");
}

TEST(ImportActions, AForeignShardIsReadByTheAlignmentThatItDeclares) {
  const ScratchFolder folder;
  for (const std::string same : {"act[t]: obs[t]->obs[t+1]", "after"}) {
    EXPECT_TRUE(at::equal(foreign_shard(folder, same).actions(), at::arange(6)));
  }
  for (const std::string led : {"act[t]: obs[t-1]->obs[t]", "Before"}) {
    EXPECT_TRUE(
        at::equal(foreign_shard(folder, led).actions(), at::tensor({1, 2, 3, 0, 5, 0}, at::kLong)));
  }
  const auto error = data_error_of([&] { foreign_shard(folder, "sometimes"); });
  EXPECT_TRUE(contains(error, "'sometimes'") && contains(error, "known are 'after'")) << error;
}

}  // namespace
}  // namespace nextframe
