#include "data/file_pattern.h"

#include <sys/stat.h>

#include <chrono>

#include "data/input_file.h"
#include "tests/data/scratch.h"

namespace nextframe {
namespace {
namespace fs = std::filesystem;

class FilePattern : public ::testing::Test {
 protected:
  void add(const std::string& path) {
    fs::create_directories((folder_ / path).parent_path());
    std::ofstream(folder_ / path) << "x";
  }

  /// Paths below the scratch folder that match.
  std::vector<std::string> match(const std::string& pattern) {
    std::vector<std::string> names;
    for (const auto& path : matching_files(folder_ / pattern)) {
      names.push_back(path.lexically_relative(folder_.path()).string());
    }
    return names;
  }

  std::string error_of(const std::string& pattern) {
    return data_error_of([&] { matching_files(folder_ / pattern); });
  }

  using Names = std::vector<std::string>;
  ScratchFolder folder_;
};

TEST_F(FilePattern, StarsQuestionMarksSetsAndBracesAreUnderstood) {
  for (const char* name : {"a/s0.h5", "a/s1.h5", "b/s2.h5", "b/note.txt", "b/.hidden.h5"})
    add(name);
  EXPECT_EQ(match("a/*.h5"), (Names{"a/s0.h5", "a/s1.h5"}));
  EXPECT_EQ(match("*/s?.h5"), (Names{"a/s0.h5", "a/s1.h5", "b/s2.h5"}));
  EXPECT_EQ(match("*/s[1-9].h5"), (Names{"a/s1.h5", "b/s2.h5"}));
  EXPECT_EQ(match("*/s[!1-9].h5"), (Names{"a/s0.h5"}));
  EXPECT_EQ(match("{b,a}/*.h5"), (Names{"a/s0.h5", "a/s1.h5", "b/s2.h5"}));
  EXPECT_EQ(match("{a/s0,b/s2}.h5"), (Names{"a/s0.h5", "b/s2.h5"}));
  EXPECT_EQ(match("{a/s{0,1},b/s2}.h5"), (Names{"a/s0.h5", "a/s1.h5", "b/s2.h5"}));
  EXPECT_EQ(match("b/.*.h5"), (Names{"b/.hidden.h5"}));
  EXPECT_EQ(match("a//s0.h5"), (Names{"a/s0.h5"}));
  EXPECT_EQ(match("a/../b/s2.h5"), (Names{"a/../b/s2.h5"}));
}

TEST_F(FilePattern, AFileThatIsReachedInTwoWaysIsThereOnce) {
  for (const char* name : {"a/s0.h5", "a/s1.h5", "b/s2.h5"}) add(name);
  fs::create_directory_symlink("a", folder_ / "link");
  EXPECT_EQ(match("a/{s,s}*.h5"), (Names{"a/s0.h5", "a/s1.h5"}));
  EXPECT_EQ(match("{a,b/../a}/*.h5"), (Names{"a/s0.h5", "a/s1.h5"}));
  EXPECT_EQ(match("{link,a}/s0.h5"), (Names{"a/s0.h5"}));
  EXPECT_EQ(match("link/*.h5"), (Names{"link/s0.h5", "link/s1.h5"}));
  fs::create_symlink("s0.h5", folder_ / "a/s9.h5");  // a name of its own
  EXPECT_EQ(match("a/*.h5"), (Names{"a/s0.h5", "a/s1.h5", "a/s9.h5"}));
}

TEST_F(FilePattern, ANameMeansItselfFirst) {
  for (const char* folder : {"runs [v2]", "a{1,2}b", "with space", "größe", "it's", "st*r", "q?",
                             "back\\slash", "~", "{", "[", "a]b", "{}"}) {
    add(std::string(folder) + "/s0.h5");
    EXPECT_EQ(match(std::string(folder) + "/*.h5"), (Names{std::string(folder) + "/s0.h5"}));
    EXPECT_EQ(match(std::string(folder) + "/s0.h5"), (Names{std::string(folder) + "/s0.h5"}));
  }
  add("star/s0.h5");
  EXPECT_EQ(match("st*r/*.h5"), (Names{"st*r/s0.h5"}));
  EXPECT_EQ(match("st[*a]r/*.h5"), (Names{"st*r/s0.h5", "star/s0.h5"}));
  EXPECT_EQ(match("runs \\[v2]/*.h5"), (Names{"runs [v2]/s0.h5"}));
  add("x/a[1].h5");
  add("x/a1.h5");
  EXPECT_EQ(match("x/a[1].h5"), (Names{"x/a[1].h5"}));
}

TEST_F(FilePattern, NoMatchSaysHowFarThePathGoes) {
  add("data/train/s0.h5");
  fs::create_directories(folder_ / "data/empty");
  EXPECT_TRUE(contains(error_of("data/train/*.hdf5"), "/data/train is '*.hdf5': it holds s0.h5"))
      << error_of("data/train/*.hdf5");
  EXPECT_TRUE(contains(error_of("data/trian/*.h5"), "/data is 'trian'; did you mean 'train'?"));
  EXPECT_TRUE(contains(error_of("data/empty/*.h5"), "it is empty"));
  EXPECT_TRUE(contains(error_of("data/train/s0.h5/*.h5"), "Not a directory"));
  EXPECT_TRUE(contains(error_of("{data,dato}/*/x"), "no file matches"));
  EXPECT_TRUE(contains(data_error_of([] { matching_files(""); }), "1 to 4096 letters"));
  EXPECT_TRUE(contains(data_error_of([] { matching_files(std::string("a\0b", 3)); }), "no NUL"));
  EXPECT_TRUE(contains(error_of(std::string(5000, 'x')), "1 to 4096 letters"));
  EXPECT_TRUE(contains(error_of(std::string(300, 'x')), "no file matches"));
}

TEST_F(FilePattern, PatternsThatStandForTooMuchEndAtOnce) {
  add("a/s0.h5");
  const auto start = std::chrono::steady_clock::now();
  std::string braces, nested, stars, open;
  for (int i = 0; i < 40; ++i) braces += "{a,b}";
  for (int i = 0; i < 900; ++i) nested = "{" + nested + ",a}";
  for (int i = 0; i < 100; ++i) stars += "*a";
  for (int i = 0; i < 3000; ++i) open += "{";
  EXPECT_TRUE(contains(error_of(braces), "more than 4096 names"));
  EXPECT_TRUE(contains(error_of("{,}{,}" + braces), "more than 4096 names"));
  EXPECT_NE(error_of(nested + "x"), "");
  EXPECT_NE(error_of(open), "");
  EXPECT_NE(error_of(std::string(3000, '[')), "");
  EXPECT_FALSE(name_matches(stars + "b", std::string(250, 'a')));
  EXPECT_TRUE(name_matches(stars, std::string(250, 'a')));
  const std::chrono::duration<double> taken_s = std::chrono::steady_clock::now() - start;
  EXPECT_LT(taken_s.count(), 10);
}

TEST_F(FilePattern, OnlyRegularFilesAreInputs) {
  add("file");
  ASSERT_EQ(::mkfifo((folder_ / "fifo").c_str(), 0600), 0);
  fs::create_symlink(folder_ / "loop", folder_ / "loop");
  fs::create_symlink(folder_ / "file", folder_ / "link");
  EXPECT_EQ(what_stands_at(folder_ / "file"), "");
  EXPECT_EQ(what_stands_at(folder_ / "link"), "");
  EXPECT_EQ(what_stands_at(folder_ / "fifo"), "a FIFO");
  EXPECT_EQ(what_stands_at(folder_ / "none"), "missing");
  EXPECT_EQ(what_stands_at(folder_.path()), "a folder");
  EXPECT_EQ(what_stands_at("/dev/null"), "a device");
  EXPECT_NE(what_stands_at(folder_ / "loop"), "");
  EXPECT_TRUE(contains(data_error_of([&] { require_regular_file(folder_ / "fifo"); }),
                       "fifo: is a FIFO; needed: a regular file"));
}

TEST(JsonDepth, CountsBracketsOutsideOfStrings) {
  EXPECT_EQ(json_depth("3"), 0);
  EXPECT_EQ(json_depth(R"({"a": [1, {"b": []}], "c": "[[[[\"[["})"), 4);
}

}  // namespace
}  // namespace nextframe
