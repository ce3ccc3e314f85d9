#include "trainer/play/play_client.h"

#include <nlohmann/json.hpp>

#include "tests/trainer/play_fakes.h"

namespace nextframe {
namespace {

using PlayJson = nlohmann::json;

/// The JSON of an answer, and the bytes behind it.
struct PlayAnswer {
  explicit PlayAnswer(const PlayReply& reply) {
    if (!reply.is_binary) {
      json = PlayJson::parse(reply.bytes);
      return;
    }
    size_t length = 0;
    for (size_t i = 0; i < 4; ++i) {
      length |= static_cast<size_t>(static_cast<unsigned char>(reply.bytes.at(i))) << (8 * i);
    }
    json = PlayJson::parse(reply.bytes.substr(4, length));
    bytes = reply.bytes.substr(4 + length);
  }
  PlayJson json;
  std::string bytes;
};

class PlayClientTest : public testing::Test {
 protected:
  PlayAnswer answer(const std::string& message) { return PlayAnswer(client_.answer(message)); }

  SteppedRule model_;
  PlayedModel played_ = played(model_);
  PlayClient client_{played_, DreamLog{{.context_frames = 4}, "", {}}, false};
};

TEST_F(PlayClientTest, SaysWhatThereIsToPlay) {
  const auto hello = PlayAnswer(client_.hello()).json;
  EXPECT_EQ(hello["kind"], "hello");
  EXPECT_EQ(hello["height"], 12);
  EXPECT_EQ(hello["width"], 16);
  EXPECT_EQ(hello["actions"]["names"], (std::vector<std::string>{"left", "stay", "right"}));
  EXPECT_EQ(hello["actions"]["keys"], (std::vector<int>{1, 0, 2}));
  EXPECT_EQ(hello["episodes"], PlayJson::parse("[[0, 30], [1, 12]]"));
}

TEST_F(PlayClientTest, StepsAndSendsThePixels) {
  const auto first = played_.truth.read(0, 3, 1).frames_THWC[0];
  const auto step = answer(R"({"do": "step", "action": [2]})");
  EXPECT_EQ(step.json["kind"], "frame");
  EXPECT_EQ(step.json["dreamed"], 1);
  EXPECT_EQ(step.json["frame"], 4);
  const auto wanted = first.roll(1, 1).contiguous();
  ASSERT_EQ(step.bytes.size(), static_cast<size_t>(wanted.numel()));
  EXPECT_EQ(std::memcmp(step.bytes.data(), wanted.const_data_ptr<uint8_t>(), step.bytes.size()), 0);
  EXPECT_EQ(answer(R"({"do": "rewind", "frames": 1})").json["dreamed"], 0);
}

TEST_F(PlayClientTest, ShowsTrueFramesBesideAndTheirError) {
  answer(R"({"do": "beside", "what": "truth"})");
  answer(R"({"do": "recorded"})");
  const auto step = answer(R"({"do": "step"})");
  EXPECT_EQ(step.json["has_beside"], true);
  EXPECT_EQ(step.json["psnr_db"], 100);
  EXPECT_EQ(step.json["tape"], 25);
  const size_t half = step.bytes.size() / 2;
  EXPECT_EQ(half, size_t{12 * 16 * 3});
  EXPECT_EQ(step.bytes.substr(0, half), step.bytes.substr(half));
}

TEST_F(PlayClientTest, GivesALogThatBringsTheSameFramesBack) {
  for (const char* action : {"2", "2", "0", "1", "2"}) {
    answer(std::string(R"({"do": "step", "action": [)") + action + "]}");
  }
  const auto last = answer(R"({"do": "look"})");
  const auto log = answer(R"({"do": "log"})").json["log"].get<std::string>();
  answer(R"({"do": "reset", "episode": 1, "seed": 9})");
  auto loaded = answer(PlayJson{{"do", "load"}, {"log", log}}.dump());
  EXPECT_EQ(loaded.json["dreamed"], 0);
  for (int i = 0; i < 5; ++i) loaded = answer(R"({"do": "step"})");
  EXPECT_EQ(loaded.bytes, last.bytes);
  EXPECT_EQ(loaded.json["tape"], 0);
}

TEST_F(PlayClientTest, RecordsAnAnimation) {
  answer(R"({"do": "step", "action": [2]})");
  const auto recording = answer(R"({"do": "record"})");
  EXPECT_EQ(recording.json["kind"], "recording");
  EXPECT_EQ(recording.json["frames"], 5);  // context and dream
  EXPECT_EQ(recording.bytes.substr(0, 4), "RIFF");
  EXPECT_EQ(recording.bytes.substr(8, 4), "WEBP");
  EXPECT_TRUE(PlayClient::is_for_another_thread(R"({"do": "record"})"));
  for (const char* other : {R"({"do": "step", "action": [2]})", R"({"do": 3})", "[]", "{", ""}) {
    EXPECT_FALSE(PlayClient::is_for_another_thread(other)) << other;
  }
}

TEST_F(PlayClientTest, AnswersWhatItCannotDoAndGoesOn) {
  answer(R"({"do": "step", "action": [2]})");
  const auto before = answer(R"({"do": "look"})");
  for (const std::string wrong : {"",
                                  "{",
                                  "[]",
                                  "null",
                                  "\xff\xfe",
                                  R"({"do": 3})",
                                  R"({"do": "dance"})",
                                  R"({"do": "step"})",
                                  R"({"do": "step", "action": "left"})",
                                  R"({"do": "step", "action": [3]})",
                                  R"({"do": "step", "action": [null]})",
                                  R"({"do": "step", "action": [1e999]})",
                                  R"({"do": "rewind", "frames": "many"})",
                                  R"({"do": "reset", "episode": 99})",
                                  R"({"do": "reset", "episode": 1e3})",
                                  R"({"do": "reset", "start": -4})",
                                  R"({"do": "sampling", "steps": 0})",
                                  R"({"do": "sampling", "guidance": 3})",
                                  R"({"do": "beside", "what": "simulator"})",
                                  R"({"do": "beside", "what": "nobody"})",
                                  R"({"do": "load", "log": "keys=9"})",
                                  R"({"do": "load"})",
                                  R"({"do": "load", "log": ["a"]})"}) {
    const auto reply = answer(wrong);
    EXPECT_EQ(reply.json["kind"], "error") << wrong;
    EXPECT_FALSE(reply.json["text"].get<std::string>().empty()) << wrong;
  }
  EXPECT_EQ(answer(std::string(100000, '[')).json["kind"], "error");
  EXPECT_EQ(answer(R"({"do": "look"})").bytes, before.bytes);
}

}  // namespace
}  // namespace nextframe
