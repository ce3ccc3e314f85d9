// `nextframe ls [FOLDER]` and `nextframe status RUN`: runs at a glance.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "launch/text.h"
#include "trainer/checkpoint/store.h"
#include "trainer/commands/command.h"
#include "trainer/exit_code.h"
#include "trainer/json_text.h"
#include "trainer/records/console.h"
#include "trainer/records/run_folder.h"
#include "trainer/records/run_summary.h"

namespace nextframe {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::ordered_json;

Json number_or_null(const std::optional<double>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json to_json(const RunSummary& run) {
  return {{"run", run.path.string()},
          {"state", run.state},
          {"step", run.step},
          {"steps", run.steps},
          {"what", run.what},
          {"loss", number_or_null(run.loss)},
          {"one_step_over_copy_last", number_or_null(run.over_copy_last)},
          {"tokenizer_psnr_db", number_or_null(run.tokenizer_psnr_db)},
          {"evaluated_step", run.evaluated_step ? Json(*run.evaluated_step) : Json(nullptr)},
          {"updated", run.updated}};
}

/// How good it was found to be: "0.63 of copy-last", "33.1 dB".
std::string quality_text(const RunSummary& run) {
  if (run.over_copy_last) return format("%.3g of copy-last", *run.over_copy_last);
  if (run.tokenizer_psnr_db) return format("%.1f dB", *run.tokenizer_psnr_db);
  return "-";
}

std::string progress_text(const RunSummary& run) {
  return run.steps > 0 ? c10::str(run.step, "/", run.steps) : c10::str(run.step);
}

void print_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths(rows[0].size(), 0);
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line += std::string(widths[i] - row[i].size() + 2, ' ');
    }
    std::puts(line.c_str());
  }
}

int list_runs(const std::string& folder, bool as_json) {
  if (!fs::is_directory(folder)) {
    throw UsageError(c10::str("ls: ", folder, " is no folder; give one that holds runs"));
  }
  Json all = Json::array();
  std::vector<std::vector<std::string>> rows{
      {"RUN", "STATE", "STEP", "LOSS", "QUALITY", "WHAT", "UPDATED"}};
  for (const auto& path : runs_in(folder)) {
    const auto run = summarise_run(path);
    all.push_back(to_json(run));
    rows.push_back({path.string(), run.state.empty() ? "-" : run.state, progress_text(run),
                    run.loss ? format("%.4g", *run.loss) : "-", quality_text(run), run.what,
                    run.updated.empty() ? "-" : run.updated});
  }
  if (as_json) return std::puts(json_text(all, 2).c_str()), 0;
  if (all.empty()) return std::printf("no runs in %s\n", folder.c_str()), 0;
  print_table(rows);
  return 0;
}

int show_status(const std::string& path, bool as_json) {
  if (!is_run_folder(path)) {
    throw UsageError(c10::str("status: ", path, " is no run's folder: it has no resolved.yaml"));
  }
  const auto run = summarise_run(path);
  const auto checkpoints = list_checkpoints(RunFolder{path}.checkpoints());
  const double left_s =
      run.step_s ? *run.step_s * static_cast<double>(std::max<int64_t>(0, run.steps - run.step))
                 : 0;
  if (as_json) {
    auto json = to_json(run);
    json["left_s"] = run.state == "running" ? Json(left_s) : Json(nullptr);
    json["checkpoints"] = checkpoints.size();
    return std::puts(json_text(json, 2).c_str()), 0;
  }
  std::vector<std::vector<std::string>> rows{
      {"state", run.state.empty() ? "not begun" : run.state},
      {"step", progress_text(run)},
      {"what", run.what},
      {"loss", run.loss ? format("%.4g", *run.loss) : "-"},
      {"quality", run.evaluated_step
                      ? c10::str(quality_text(run), ", at step ", *run.evaluated_step)
                      : "not evaluated; nextframe eval " + path},
      {"checkpoints", std::to_string(checkpoints.size())},
      {"updated", run.updated.empty() ? "-" : run.updated}};
  if (run.state == "running") {
    rows.insert(rows.begin() + 2, {"left", format_duration(left_s)});
  } else if (run.state != "finished" && !run.state.empty()) {
    rows.push_back({"go on with", path + "/resume.sh"});
  }
  print_table(rows);
  return 0;
}

CommandBody set_up_ls(CLI::App& app) {
  app.group(kModelCommands);
  const auto folder = std::make_shared<std::string>("runs");
  const auto as_json = std::make_shared<bool>(false);
  app.add_option("FOLDER", *folder, "a folder of runs, up to three folders deep")
      ->capture_default_str();
  app.add_flag("--json", *as_json, "print one JSON value on standard output");
  return [folder, as_json] { return list_runs(*folder, *as_json); };
}

CommandBody set_up_status(CLI::App& app) {
  app.group(kModelCommands);
  const auto run = std::make_shared<std::string>();
  const auto as_json = std::make_shared<bool>(false);
  app.add_option("RUN", *run, "a run's folder")->required();
  app.add_flag("--json", *as_json, "print one JSON value on standard output");
  return [run, as_json] { return show_status(*run, *as_json); };
}

}  // namespace

NF_REGISTER_COMMAND(ls, "ls", "list runs: what they are, how far, how good", set_up_ls)
NF_REGISTER_COMMAND(status, "status", "show how far a run is, and how it goes on", set_up_status)

}  // namespace nextframe
