#include "trainer/records/metrics_log.h"

#include <gtest/gtest.h>

#include <cmath>

#include "data/durable_file.h"
#include "trainer/records/console.h"

namespace nextframe {
namespace {

const LogFile::Tell quiet = [](const std::string& line) { FAIL() << line; };

StepRecord record(int64_t step) {
  StepRecord r;
  r.step = step;
  return r;
}

TEST(MetricsLog, AResumedRunWritesEachStepOnce) {
  const std::filesystem::path path = testing::TempDir() + "metrics.jsonl";
  std::filesystem::remove(path);
  {
    MetricsLog log(path, 0, quiet);
    for (int64_t step : {1, 2, 3}) log.append(record(step));
  }
  write_durably(path, read_text(path) + "{\"step\": 4, \"lo");  // cut off by a kill
  MetricsLog(path, 2, quiet).append(record(3));
  EXPECT_EQ(read_text(path), to_json_line(record(1)) + "\n" + to_json_line(record(2)) + "\n" +
                                 to_json_line(record(3)) + "\n");
}

TEST(MetricsLog, ADamagedLineTakesNoOtherWithIt) {
  const std::filesystem::path path = testing::TempDir() + "damaged.jsonl";
  const auto line = [](int64_t step) { return to_json_line(record(step)) + "\n"; };
  const std::string note = "{\"step\":null,\"note\":\"mine\"}\n", text = "{\"step\":\"5\"}\n";
  write_durably(path, line(1) + std::string(40, '\0') + "\n" + note + line(2) + text + line(3));
  std::string said;
  MetricsLog(path, 2, [&](const std::string& told) { said += told; }).append(record(3));
  EXPECT_EQ(read_text(path), line(1) + note + line(2) + text + line(3));
  EXPECT_NE(said.find("1 line was damaged"), std::string::npos) << said;
}

TEST(LogFile, WaitsForRoomAndLosesNothing) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "log-file";
  std::filesystem::remove_all(folder);
  write_durably(folder.string(), "a file stands where the folder has to be");
  std::string said;
  LogFile log(folder / "a.log", [&](const std::string& told) { said += told + "\n"; });
  log.append("1\n"), log.append("2\n");
  EXPECT_EQ(said, "cannot write " + (folder / "a.log").string() +
                      ": Not a directory; the run goes on, and tries again with each line\n");
  std::filesystem::remove(folder);
  log.append("3\n"), log.append("4\n");
  EXPECT_EQ(read_text(folder / "a.log"), "1\n2\n3\n4\n");
  EXPECT_NE(said.find("a.log is written again, and nothing is missing"), std::string::npos) << said;
}

TEST(MetricsLog, ALineHasTheFieldsThatScriptsReadInOrder) {
  const auto line = to_json_line(record(5));
  size_t at = 0;
  for (const auto* field : {"step",        "samples",     "loss",           "grad_norm",
                            "lr",          "step_s",      "frames_per_s",   "tokens_per_s",
                            "mfu",         "data_wait_s", "comm_exposed_s", "checkpoint_stall_s",
                            "world_size",  "loss_z",      "grad_norm_z",    "skipped_steps",
                            "set_aside",   "busy_s_min",  "busy_s_median",  "busy_s_max",
                            "slowest_rank"}) {
    const auto found = line.find('"' + std::string(field) + "\":", at);
    ASSERT_NE(found, std::string::npos) << field;
    at = found;
  }
}

TEST(Console, DurationsReadAsAPersonWouldSayThem) {
  EXPECT_EQ(format_duration(9.6), "10s");
  EXPECT_EQ(format_duration(75), "1m 15s");
  EXPECT_EQ(format_duration(3661), "1h 01m");
}

TEST(Console, ALineTellsMfuWhereItIsKnown) {
  const std::filesystem::path path = testing::TempDir() + "console.log";
  std::filesystem::remove(path);
  {
    Console console(/*is_root=*/false);
    console.open_log(path);
    auto known = record(1);
    known.mfu = 0.414;
    console.show(known, 10);
    console.show(record(2), 10);
  }
  const auto text = read_text(path);
  EXPECT_NE(text.find("step 0 ms  MFU 41%  wait"), std::string::npos) << text;
  EXPECT_EQ(text.find("MFU"), text.rfind("MFU")) << text;
}

TEST(MetricsLog, ASkippedStepsLineIsStillJson) {
  auto skipped = record(5);
  skipped.loss = std::nan("");
  EXPECT_NE(to_json_line(skipped).find("\"loss\":null"), std::string::npos);
}

}  // namespace
}  // namespace nextframe
