#include "launch/hang/rank_report.h"

#include <chrono>
#include <cmath>
#include <ctime>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "launch/text.h"

namespace nextframe {
namespace {

using Json = nlohmann::ordered_json;

CollectiveState parse_state(const std::string& name) {
  for (const auto state : {CollectiveState::queued, CollectiveState::running, CollectiveState::done,
                           CollectiveState::failed}) {
    if (name == state_name(state)) return state;
  }
  throw std::runtime_error("unknown state '" + name + "'");
}

Json to_object(const CollectiveRecord& record) {
  return {{"sequence", record.sequence},       {"operation", record.call.name},
          {"bytes", record.call.bytes},        {"out_bytes", record.call.out_bytes},
          {"dtype", record.call.dtype},        {"balance", record.call.balance},
          {"purpose", record.purpose},         {"step", record.step},
          {"state", state_name(record.state)}, {"queued_s", record.queued_s},
          {"started_s", record.started_s},     {"finished_s", record.finished_s}};
}

CollectiveRecord parse_record(const Json& json) {
  CollectiveRecord record;
  record.sequence = json.at("sequence");
  record.call = {json.at("operation"), json.at("bytes"), json.at("dtype"), json.at("out_bytes"),
                 json.at("balance")};
  record.purpose = json.at("purpose");
  record.step = json.at("step");
  record.state = parse_state(json.at("state"));
  record.queued_s = json.at("queued_s");
  record.started_s = json.at("started_s");
  record.finished_s = json.at("finished_s");
  return record;
}

}  // namespace

std::string to_json(const RankReport& report) {
  Json head = {
      {"rank", report.rank},       {"size", report.size},           {"host", report.host},
      {"start", report.start},     {"time_s", report.time_s},       {"step", report.step},
      {"section", report.section}, {"section_s", report.section_s}, {"is_dump", report.is_dump}};
  if (!report.fault.communicator.empty()) {
    head["fault"] = {{"communicator", report.fault.communicator},
                     {"text", report.fault.text},
                     {"is_of_peers", report.fault.is_peer_failure}};
  }
  // What NCCL says may be cut off in the middle of a letter.
  std::string text = head.dump(-1, ' ', false, Json::error_handler_t::replace);
  text.back() = ',';
  text += "\"communicators\":[";
  for (const auto& communicator : report.communicators) {
    if (&communicator != &report.communicators.front()) text += ',';
    text += "\n{\"name\":" + Json(communicator.name).dump() +
            ",\"entered\":" + std::to_string(communicator.entered) +
            ",\"num_ranks\":" + std::to_string(communicator.num_ranks) + ",\"collectives\":[";
    for (const auto& record : communicator.collectives) {
      if (&record != &communicator.collectives.front()) text += ',';
      text += '\n';
      text += to_object(record).dump();
    }
    text += "]}";
  }
  return text + "]}\n";
}

RankReport parse_rank_report(const std::string& text) {
  const auto json = Json::parse(text);
  RankReport report;
  report.rank = json.at("rank");
  report.size = json.at("size");
  report.host = json.at("host");
  report.start = json.at("start");
  report.time_s = json.at("time_s");
  report.step = json.at("step");
  report.section = json.at("section");
  report.section_s = json.at("section_s");
  report.is_dump = json.at("is_dump");
  if (const auto fault = json.find("fault"); fault != json.end()) {
    report.fault = {fault->at("communicator"), fault->at("text"), fault->at("is_of_peers")};
  }
  for (const auto& one : json.at("communicators")) {
    CommunicatorReport communicator{
        one.at("name"), one.at("entered"), {}, one.value("num_ranks", int64_t{0})};
    for (const auto& record : one.at("collectives"))
      communicator.collectives.push_back(parse_record(record));
    report.communicators.push_back(std::move(communicator));
  }
  return report;
}

std::string rank_name(const RankReport& report) {
  return "rank " + std::to_string(report.rank) + (report.host.empty() ? "" : " on " + report.host);
}

std::string collective_name(const CollectiveRecord& record) {
  std::string text = "#";
  text += std::to_string(record.sequence) + " " + record.call.name;
  if (!record.purpose.empty()) text += " of " + record.purpose;
  return text;
}

std::string time_of_day(double time_s) {
  const auto whole = static_cast<std::time_t>(std::floor(time_s));
  std::tm parts{};
  gmtime_r(&whole, &parts);
  return format("%02d:%02d:%04.1f", parts.tm_hour, parts.tm_min,
                parts.tm_sec + std::floor(10 * (time_s - std::floor(time_s))) / 10);
}

double unix_time_s() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace nextframe
