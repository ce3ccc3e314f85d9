// `nextframe hang-report`: explains which rank kept the others waiting when a run hung.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "launch/hang/hang_analysis.h"
#include "launch/hang/hang_folder.h"
#include "trainer/commands/command.h"
#include "trainer/exit_code.h"
#include "trainer/records/run_folder.h"

namespace nextframe {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
  std::string run;
  bool json = false;
};

/// What a rank was waiting in, by communicator.
std::string waits_in(const RankReport& report) {
  std::string text;
  for (const auto& communicator : report.communicators) {
    for (const auto& record : communicator.collectives) {
      if (record.state != CollectiveState::running) continue;
      text += (text.empty() ? "" : ", ") + collective_name(record) + " (" + communicator.name + ")";
    }
  }
  return text;
}

Json describe(const RankReport& report) {
  Json json = {{"rank", report.rank},           {"host", report.host},
               {"step", report.step},           {"section", report.section},
               {"section_s", report.section_s}, {"time_s", report.time_s},
               {"has_dump", report.is_dump},    {"waits_in", waits_in(report)}};
  for (const auto& communicator : report.communicators)
    json["entered"][communicator.name] = communicator.entered;
  return json;
}

void print(const RankReport& report) {
  const auto waiting = waits_in(report);
  std::printf("%-24s %s  step %lld  %s for %.1f s%s%s\n", rank_name(report).c_str(),
              time_of_day(report.time_s).c_str(), static_cast<long long>(report.step),
              report.section.c_str(), report.section_s,
              waiting.empty() ? "" : ("  waits in " + waiting).c_str(),
              report.is_dump ? "" : "  (heartbeat only)");
}

int hang_report(const Options& options) {
  const RunFolder run{options.run};
  if (!std::filesystem::exists(run.resolved())) throw UsageError(options.run + ": no such run");
  const auto start = HangFolder::newest_hang(run.log());
  if (start.empty()) {
    if (options.json) return std::puts("{\"cause\":null}"), 0;
    std::printf("%s: no hang was recorded\n", options.run.c_str());
    return 0;
  }
  const auto reports = HangFolder(run.log(), start).reports();
  const int64_t size = reports.empty() ? 0 : reports.front().size;
  const auto verdict = explain_hang(reports, size);
  if (options.json) {
    Json json = {{"start", start},
                 {"cause", cause_name(verdict.cause)},
                 {"ranks", verdict.ranks},
                 {"communicator", verdict.communicator},
                 {"sequence", verdict.sequence},
                 {"verdict", verdict.text},
                 {"world_size", size},
                 {"reports", Json::array()}};
    for (const auto& report : reports) json["reports"].push_back(describe(report));
    return std::puts(json.dump(2).c_str()), 0;
  }
  std::printf("%s\n\nthe start of %s, %zu of %lld ranks left a report:\n", verdict.text.c_str(),
              start.c_str(), reports.size(), static_cast<long long>(size));
  for (const auto& report : reports) print(report);
  return 0;
}

CommandBody set_up_hang_report(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.group(kTrainingCommands);
  app.add_option("RUN", options->run, "a run's folder")->required();
  app.add_flag("--json", options->json, "print one JSON value on standard output");
  return [options] { return hang_report(*options); };
}

}  // namespace

NF_REGISTER_COMMAND(hang_report, "hang-report",
                    "after a hang, name the rank that the others waited for", set_up_hang_report)

}  // namespace nextframe
