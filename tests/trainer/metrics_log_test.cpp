#include "trainer/records/metrics_log.h"

#include <gtest/gtest.h>

#include <cmath>

#include "data/durable_file.h"
#include "trainer/records/console.h"

namespace nextframe {
namespace {

StepRecord record(int64_t step) {
  StepRecord r;
  r.step = step;
  return r;
}

TEST(MetricsLog, AResumedRunWritesEachStepOnce) {
  const std::filesystem::path path = testing::TempDir() + "metrics.jsonl";
  std::filesystem::remove(path);
  {
    MetricsLog log(path, 0);
    for (int64_t step : {1, 2, 3}) log.append(record(step));
  }
  write_durably(path, read_text(path) + "{\"step\": 4, \"lo");  // cut off by a kill
  MetricsLog(path, 2).append(record(3));
  EXPECT_EQ(read_text(path), to_json_line(record(1)) + "\n" + to_json_line(record(2)) + "\n" +
                                 to_json_line(record(3)) + "\n");
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
