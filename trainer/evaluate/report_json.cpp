// report.json: what scripts read. Its fields are in docs/evaluation.md.
#include <cmath>
#include <nlohmann/json.hpp>

#include "trainer/evaluate/predictor.h"
#include "trainer/evaluate/report.h"
#include "trainer/json_text.h"
#include "trainer/version.h"

namespace nextframe {
namespace {

using Json = nlohmann::ordered_json;

/// JSON has no infinity and no NaN: both become null.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json to_value(const Figure& figure) {
  return {{"value", number(figure.value)},
          {"interval", {number(figure.low), number(figure.high)}},
          {"n", figure.n}};
}

/// Puts the value where the dots of its name lead.
void put(Json& object, const std::string& name, Json value) {
  Json* place = &object;
  size_t begin = 0;
  for (size_t dot; (dot = name.find('.', begin)) != std::string::npos; begin = dot + 1) {
    place = &(*place)[name.substr(begin, dot - begin)];
  }
  (*place)[name.substr(begin)] = std::move(value);
}

Json to_value(const FigureTable& table) {
  Json rows = Json::array();
  for (const auto& row : table.rows) {
    Json object = {{table.key_name, row.key}};
    for (const auto& [name, figure] : row.figures) put(object, name, to_value(figure));
    rows.push_back(std::move(object));
  }
  return rows;
}

Json to_value(const SuiteReport& suite) {
  Json object = Json::object();
  for (const auto& [name, figure] : suite.figures) put(object, name, to_value(figure));
  for (const auto& table : suite.tables) put(object, table.name, to_value(table));
  if (!suite.notes.empty()) object["notes"] = suite.notes;
  return object;
}

Json to_value(const Provenance& from) {
  Json object = Json::object();
  if (!from.run_folder.empty()) object["run"] = from.run_folder;
  if (!from.checkpoint_folder.empty()) object["checkpoint"] = from.checkpoint_folder;
  object["step"] = from.step;
  if (!from.digest.empty()) object["digest"] = from.digest;
  object["weights"] = from.is_ema ? "ema" : "trained";
  return object;
}

}  // namespace

std::string to_json(const EvaluationReport& report) {
  const auto& from = report.provenance;
  Json json;
  json["format"] = "nextframe evaluation 1";
  json["program"] = {{"version", version()}, {"commit", commit()}};
  json["model"] = to_value(from);
  json["data"] = {{"glob", from.data},
                  {"fingerprint", report.data_fingerprint},
                  {"episodes", report.episodes},
                  {"mean_frame_of", report.mean_frame_source}};
  if (report.passed_over > 0) json["data"]["episodes_passed_over"] = report.passed_over;
  json["settings"] = {{"clip_frames", report.clip_frames},
                      {"first_scored_frame", kFirstScoredFrame},
                      {"context_frames", report.context_frames},
                      {"horizon_frames", report.horizon_frames},
                      {"denoise_steps", report.denoise_steps},
                      {"interval", "95 %, percentile bootstrap over episodes"}};
  json["definitions"] = Json::object();
  json["suites"] = Json::object();
  for (const auto& suite : report.suites) {
    for (const auto& [term, text] : suite.definitions) json["definitions"][term] = text;
    json["suites"][suite.name] = to_value(suite);
  }
  return json_text(json, 2) + "\n";
}

}  // namespace nextframe
